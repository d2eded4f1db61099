import type { Job } from '../job.ts'
import { oneThread } from './one-thread.ts'

/** Figures of the adder. */
export const jobs: Readonly<Record<string, Job>> = { 'one-thread': oneThread }
