import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import type { Figure } from '../figure.ts'
import { anonymousMiB, residentMiB } from '../memory.ts'
import { pinPair } from './bench-pins.ts'
import { openStore } from './bench-store.ts'

/** Pages between two looks at the memory. */
const SAMPLE_PAGES = 20
const MIB = 1024 * 1024

/** Opens a store that was filled before, and prints figures as JSON: the start, the memory, a whole listing. */
const [folder = '', countText = ''] = process.argv.slice(2)
const count = Number(countText)
const figures: Figure[] = []
const figure = (name: string, value: number | undefined, unit: string): void => {
  if (value !== undefined) figures.push({ name, value, unit })
}

globalThis.gc?.()
const before = await anonymousMiB(process.pid)
const startMs = performance.now()
const storage = await LevelPeerDatastore.open(folder)
const store = await openStore(storage)
const { key } = pinPair(Math.floor(count / 2))
if ((await store.get(key)) === undefined) throw new Error('a pin is missing')
for await (const page of store.list()) if (page.length > 0) break
figure('restart to first answer (less than 2 s)', (performance.now() - startMs) / 1000, 's')

let listed = 0
let pages = 0
globalThis.gc?.()
const rest = process.memoryUsage()
const restAnonymous = await anonymousMiB(process.pid)
let peak = 0
let peakAnonymous = 0
const listMs = performance.now()
for await (const page of store.list()) {
  listed += page.length
  pages += 1
  if (pages % SAMPLE_PAGES !== 0) continue
  const { heapUsed, external } = process.memoryUsage()
  peak = Math.max(peak, heapUsed + external - rest.heapUsed - rest.external)
  peakAnonymous = Math.max(peakAnonymous, (await anonymousMiB(process.pid)) ?? 0)
}
if (listed !== count) throw new Error(`${listed.toString()} of ${count.toString()} pins are listed`)
figure('listing', listed / ((performance.now() - listMs) / 1000), 'pins/s')
figure('listing, growth of the heap at its peak', peak / MIB, 'MiB')
figure('listing, growth of the process (less than 64)', peakAnonymous - (restAnonymous ?? 0), 'MiB')
globalThis.gc?.()
figure(
  'memory of the store afterwards (less than 300)',
  ((await anonymousMiB(process.pid)) ?? 0) - (before ?? 0),
  'MiB'
)
figure('resident memory of the process, mapped files included', await residentMiB(process.pid), 'MiB')
await store.close()
await storage.close()
process.stdout.write(JSON.stringify(figures))
