import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster } from './test-cluster.ts'

describe('a peer with another secret', () => {
  let cluster: TestCluster

  beforeAll(async () => {
    cluster = await TestCluster.create()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('is never connected', async () => {
    const secret = newSecret()
    const ours = await cluster.peer('ours', secret)
    const friend = await cluster.peer('friend', secret)
    const stranger = await cluster.peer('stranger', newSecret())
    const first = ours.start()
    await first.ready()
    const outside = stranger.start('-j', ours.address)
    const inside = friend.start('-j', ours.address)
    await Promise.all([outside.ready(), inside.ready()])
    // When the friend is in, the stranger, which tried before, has had its chance.
    await eventually(
      () => ours.ctl('peers', 'ls'),
      ({ stdout }) => stdout.includes(friend.id)
    )
    await eventually(
      () => Promise.resolve(outside.lines),
      (lines) => lines.some((line) => line.includes('bootstrap') && line.includes('failed'))
    )
    expect((await ours.ctl('peers', 'ls')).stdout).not.toContain(stranger.id)
    expect((await stranger.ctl('peers', 'ls')).stdout).not.toContain(ours.id)
    expect((await stranger.ctl('id')).stdout).toContain('Sees 0 other peers')
  })
})
