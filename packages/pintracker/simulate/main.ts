import { runSimulation } from '@cluster/testing'
import { plants } from './plants.ts'

await runSimulation({
  name: 'pintracker',
  program: import.meta.url,
  load: async () => (await import('./schedule.ts')).runTracker,
  plants
})
