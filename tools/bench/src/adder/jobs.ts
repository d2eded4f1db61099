import type { Job } from '../job.ts'
import { oneThread } from './one-thread.ts'
import { threePeers } from './three-peers.ts'

/** Figures of the adder: on one thread, and to three peers as processes. */
export const jobs: Readonly<Record<string, Job>> = { 'one-thread': oneThread, 'three-peers': threePeers }
