import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import type { Figure } from '../figure.ts'
import type { Job } from '../job.ts'
import { pinPages } from './bench-pins.ts'
import { openStore, withFolder } from './bench-store.ts'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('restart.ts', import.meta.url))

/** A large pinset: import, then, in a process of its own, restart, memory and listing. */
function manyPins(count: number): Job {
  return (say) =>
    withFolder(async (folder) => {
      const storage = await LevelPeerDatastore.open(join(folder, 'leveldb'))
      const store = await openStore(storage)
      const startMs = performance.now()
      await store.import(pinPages(count))
      const seconds = (performance.now() - startMs) / 1000
      say({ name: `import of ${count.toString()} pins`, value: count / seconds, unit: 'pins/s' })
      await store.close()
      await storage.close()
      const args = ['--expose-gc', '--conditions=@cluster/source', PROGRAM, join(folder, 'leveldb'), count.toString()]
      const { stdout } = await run(process.execPath, args)
      for (const figure of JSON.parse(stdout) as Figure[]) {
        say({ ...figure, name: `${count.toString()} pins, ${figure.name}` })
      }
    })
}

export const million = manyPins(1_000_000)
export const tenMillion = manyPins(10_000_000)
