import type { Job } from '../job.ts'
import { commitsWith } from './commits.ts'
import { restart } from './restart.ts'

/** Figures of Raft alone, at the port of the engine. */
export const jobs: Readonly<Record<string, Job>> = { commits: commitsWith(0), 'slow-disk': commitsWith(5), restart }
