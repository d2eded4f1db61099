import { runSimulation } from '@cluster/testing'
import { plants } from './plants.ts'

await runSimulation({
  name: 'raft',
  program: import.meta.url,
  load: async () => (await import('./schedule.ts')).runServers,
  plants
})
