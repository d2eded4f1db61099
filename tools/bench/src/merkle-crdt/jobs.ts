import type { Job } from '../job.ts'
import { catchUp } from './catch-up.ts'
import { commits } from './commits.ts'
import { firstSync } from './first-sync.ts'
import { million, tenMillion } from './many-pins.ts'

/** Figures of the replicated store alone. */
export const jobs: Readonly<Record<string, Job>> = { 'catch-up': catchUp, commits, 'first-sync': firstSync, million }

/** Takes about an hour, and 10 GB of disk. */
export const longJobs: Readonly<Record<string, Job>> = { 'ten-million': tenMillion }
