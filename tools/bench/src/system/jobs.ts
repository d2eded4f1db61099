import type { Job } from '../job.ts'
import { atRest } from './at-rest.ts'
import { catchUp } from './catch-up.ts'
import { pins, pinsBatched } from './pins.ts'
import { restart } from './restart.ts'
import { rpc } from './rpc.ts'

/** Figures of whole peers, as processes. */
export const jobs: Readonly<Record<string, Job>> = {
  'at-rest': atRest,
  rpc,
  pins,
  'pins-batched': pinsBatched,
  'catch-up': catchUp,
  restart
}
