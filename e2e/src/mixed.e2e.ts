import { findGoProgram } from '@cluster/processes'
import { describe, expect, it } from 'vitest'
import { mixed } from './scenarios/mixed.ts'
import { sharedFolder } from './scenarios/shared-folder.ts'

const [service, ctl] = await Promise.all(['ipfs-cluster-service', 'ipfs-cluster-ctl'].map(findGoProgram))
const isThere = service !== undefined && ctl !== undefined
if (!isThere) {
  process.stderr.write(
    '\n*** SKIPPED: two of our peers and two Go peers, since the Go programs are not on the PATH ***\n\n'
  )
}
const programs = { service: service ?? '', ctl: ctl ?? '' }

describe.skipIf(!isThere)('with the Go implementation', { timeout: 240_000 }, () => {
  it('two and two converge', async () => {
    const seed = Number(process.env['E2E_SEED'] ?? Date.now() % 2 ** 31)
    const result = await mixed({ ...programs, operations: 150, seed })
    expect(result, `E2E_SEED=${seed.toString()} ${JSON.stringify(result)}`).toMatchObject({
      missing: [0, 0, 0, 0],
      restarts: 4,
      areEqual: true
    })
  })

  it('a folder goes from one to the other and back', async () => {
    for (const { by, when, found, wanted } of await sharedFolder({ ...programs, rounds: 1, pins: 20 })) {
      expect(found, `${by} ${when}`).toEqual(wanted)
    }
  })
})
