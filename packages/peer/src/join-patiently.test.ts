import { ClusterError, unreachableId, type Cluster } from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { joinPatiently } from './join-patiently.ts'

const address = multiaddr('/ip4/192.0.2.1/tcp/9096')
const somebody = peerIdFromString('12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6')

/** A cluster that can be joined at the given try. */
function joinableAt(wanted: number): { cluster: Pick<Cluster, 'members'>; tries: () => number } {
  let tries = 0
  const unused = () => Promise.reject(new ClusterError('NOT_SUPPORTED', 'not part of this test'))
  const join = () =>
    ++tries >= wanted ? Promise.resolve() : Promise.reject(new ClusterError('PEER_UNREACHABLE', 'nobody there'))
  const members = {
    id: unused,
    add: unused,
    remove: unused,
    join,
    async *peers() {
      yield await Promise.resolve(unreachableId(somebody, ''))
    }
  }
  return { cluster: { members }, tries: () => tries }
}

describe('joining', () => {
  it('tries again until somebody is there, and tells of each failure', async () => {
    const { cluster, tries } = joinableAt(2)
    const failures: string[] = []
    expect(await joinPatiently(cluster, address, new AbortController().signal, (reason) => failures.push(reason))).toBe(
      true
    )
    expect(tries()).toBe(2)
    expect(failures).toEqual(['nobody there'])
  })

  it('ends when it is broken off', async () => {
    const stop = new AbortController()
    const { cluster, tries } = joinableAt(Infinity)
    const joined = joinPatiently(cluster, address, stop.signal, () => {
      stop.abort()
    })
    expect(await joined).toBe(false)
    expect(tries()).toBe(1)
  })
})
