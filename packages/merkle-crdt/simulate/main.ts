import { runSimulation } from '@cluster/testing'
import { plants } from './plants.ts'

await runSimulation({
  name: 'merkle-crdt',
  program: import.meta.url,
  load: async () => (await import('./schedule.ts')).runReplicas,
  plants
})
