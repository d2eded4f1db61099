import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'
import type { PeerProcess } from '@cluster/processes'
import { CID } from 'multiformats/cid'
import * as identity from 'multiformats/hashes/identity'

/** A CID whose content is in it: every peer has it at once. */
function cidOf(text: string): string {
  return CID.createV1(0x55, identity.identity.digest(new TextEncoder().encode(text))).toString()
}

describe('a peer killed with -9', () => {
  let cluster: TestCluster
  let survivor: TestPeer
  let victim: TestPeer
  let process: PeerProcess

  const pinset = async (peer: TestPeer): Promise<string[]> => {
    const { stdout } = await peer.ctl('pin', 'ls')
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')[0] ?? '']))
  }
  const pin = async (peer: TestPeer, text: string): Promise<void> => {
    expect((await peer.ctl('pin', 'add', '--no-status', cidOf(text))).exitCode).toBe(0)
  }

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    survivor = await cluster.peer('survivor', secret)
    victim = await cluster.peer('victim', secret)
    const first = survivor.start()
    process = victim.start('-j', survivor.address)
    await Promise.all([first.ready(), process.ready()])
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('has the whole pinset again, also what was pinned meanwhile', async () => {
    const before = ['one', 'two', 'three'].map(cidOf)
    for (const text of ['one', 'two']) await pin(survivor, text)
    await eventually(
      () => pinset(victim),
      (cids) => cids.length === 2
    )
    // Acknowledged by the victim, which dies before anybody could have asked it for more.
    await pin(victim, 'three')
    await process.kill()
    await pin(survivor, 'four')
    await pin(survivor, 'five')

    process = victim.start()
    await process.ready()
    const wanted = [...before, cidOf('four'), cidOf('five')].sort()
    for (const peer of [victim, survivor]) {
      await eventually(
        async () => (await pinset(peer)).sort(),
        (cids) => JSON.stringify(cids) === JSON.stringify(wanted)
      )
    }
  })
})

it('a peer whose log nobody reads any more goes on, and ends in order', async () => {
  await using cluster = await TestCluster.create()
  const peer = await cluster.peer('unheard', newSecret())
  const running = peer.start()
  await running.ready()
  running.stopReading()
  for (const text of ['one', 'two', 'three']) {
    expect((await peer.ctl('pin', 'add', '--no-status', cidOf(text))).exitCode).toBe(0)
  }
  expect((await peer.ctl('pin', 'ls')).stdout.trim().split('\n')).toHaveLength(3)
  await running.stop()
  expect(running.exitCode).toBe(0)
})
