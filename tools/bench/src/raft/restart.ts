import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFolder, sealEntry, SegmentLog } from '@cluster/raft'
import type { Job } from '../job.ts'

const ENTRIES = 1_000_000
const BATCH = 10_000
const COMMAND_BYTES = 165

/** Opening a log of a million entries, every byte of which is checked. */
export const restart: Job = async (say) => {
  const folder = await mkdtemp(join(tmpdir(), 'raft-bench-'))
  const log = await SegmentLog.open(await openFolder(folder))
  const data = new Uint8Array(COMMAND_BYTES)
  const began = performance.now()
  for (let first = 1; first <= ENTRIES; first += BATCH) {
    await log.append(
      Array.from({ length: BATCH }, (_, at) =>
        sealEntry({ index: first + at, term: 1, type: 0, data, extensions: undefined, appendedAt: undefined })
      )
    )
  }
  say({
    name: `the log alone, batches of ${BATCH}`,
    value: ENTRIES / ((performance.now() - began) / 1000),
    unit: 'entries/s'
  })
  await log.close()
  const opening = performance.now()
  const again = await SegmentLog.open(await openFolder(folder))
  say({ name: `opening a log of ${ENTRIES} entries`, value: (performance.now() - opening) / 1000, unit: 's' })
  if (again.lastIndex !== ENTRIES) throw new Error('entries are missing')
  await again.close()
  await rm(folder, { recursive: true })
}
