import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addAndRead, AddingCluster, addWhileOneDies } from './scenarios/adding.ts'

const BYTES = 64 * 1024 * 1024

describe('64 MiB into a cluster of three', { timeout: 180_000 }, () => {
  let cluster: AddingCluster

  beforeAll(async () => {
    cluster = await AddingCluster.start()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('is held by two of them, and read whole at each', async () => {
    const { read, pins } = await addAndRead(cluster, 'whole', BYTES)
    expect(read).toEqual({ alpha: true, beta: true, gamma: true })
    expect(pins).toEqual({ pin: 1, 'shard-pin': 0, 'clusterdag-pin': 0, 'meta-pin': 0 })
  })

  it('spreads over them in shards, and is read whole at each', async () => {
    const { read, pins, cid } = await addAndRead(cluster, 'parts', BYTES, ['--shard', '--shard-size', '12000000'])
    expect(read).toEqual({ alpha: true, beta: true, gamma: true })
    expect(pins).toEqual({ pin: 0, 'shard-pin': 6, 'clusterdag-pin': 1, 'meta-pin': 1 })
    expect((await cluster.peer(2).ctl('pin', 'rm', '--ns', cid)).exitCode).toBe(0)
    expect((await cluster.peer(2).ctl('pin', 'ls')).stdout).not.toContain('| parts')
  })

  it('is added while one of its holders dies, and gets another one', async () => {
    expect(await addWhileOneDies(cluster, BYTES)).toEqual(['alpha', 'gamma'])
  })
})
