import type { Job } from '../job.ts'
import { batches } from './batches.ts'
import { commits } from './commits.ts'

/** Figures of the CRDT consensus of one peer. */
export const jobs: Readonly<Record<string, Job>> = { commits, batches }
