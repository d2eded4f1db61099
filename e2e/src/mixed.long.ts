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
const { E2E_OPERATIONS = '1000', E2E_ROUNDS = '4', E2E_SEED = (Date.now() % 2 ** 31).toString() } = process.env

describe.skipIf(!isThere)('with the Go implementation', () => {
  it('two and two converge', async () => {
    const init = { operations: Number(E2E_OPERATIONS), seed: Number(E2E_SEED) }
    console.log('mixed:', init)
    const result = await mixed({ ...programs, ...init })
    console.log('mixed:', result)
    expect(result).toMatchObject({ missing: [0, 0, 0, 0], restarts: 4, areEqual: true })
  })

  it('a folder goes from one to the other and back', async () => {
    const init = { rounds: Number(E2E_ROUNDS), pins: 200 }
    const all = await sharedFolder({ ...programs, ...init })
    console.log('shared folder:', init, all.map(({ by, found }) => `${by} found ${found.length.toString()}`).join(', '))
    for (const { by, when, found, wanted } of all) expect(found, `${by} ${when}`).toEqual(wanted)
  })
})
