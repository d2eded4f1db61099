import type { Job } from '../job.ts'
import { adding } from './adding.ts'
import { allocations } from './allocations.ts'
import { requests } from './requests.ts'

/** What `nx bench api-rest` measures. */
export const jobs: Readonly<Record<string, Job>> = { allocations, adding, requests }
