import type { Job } from './job.ts'
import { formatFigure, type Figure } from './figure.ts'

type Jobs = Readonly<Record<string, Job>>

/** What `nx bench <project>` measures: one entry a project, loaded when it is asked for. */
const projects: Readonly<Record<string, () => Promise<{ jobs: Jobs; longJobs?: Jobs }>>> = {
  adder: () => import('./adder/jobs.ts'),
  'api-ipfsproxy': () => import('./api-ipfsproxy/jobs.ts'),
  'api-pinsvc': () => import('./api-pinsvc/jobs.ts'),
  'api-rest': () => import('./api-rest/jobs.ts'),
  cluster: () => import('./cluster/jobs.ts'),
  'consensus-crdt': () => import('./consensus-crdt/jobs.ts'),
  'merkle-crdt': () => import('./merkle-crdt/jobs.ts'),
  pintracker: () => import('./pintracker/jobs.ts'),
  raft: () => import('./raft/jobs.ts'),
  system: () => import('./system/jobs.ts')
}

const say = (figure: Figure): void => {
  process.stdout.write(`${formatFigure(figure)}\n`)
}

const [project = '', ...wanted] = process.argv.slice(2)
const load = projects[project.replace('@cluster/', '')]
if (load === undefined) {
  throw new Error(`nothing is measured for ${project}; known: ${Object.keys(projects).join(', ')}`)
}
const { jobs, longJobs = {} } = await load()
const all: Jobs = { ...jobs, ...longJobs }
for (const name of wanted) {
  if (all[name] === undefined) {
    throw new Error(`${project} has no job ${name}; it has: ${Object.keys(all).join(', ')}`)
  }
}
for (const [name, job] of Object.entries(wanted.length === 0 ? jobs : all)) {
  if (wanted.length === 0 || wanted.includes(name)) await job(say)
}
