import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addAndRead, AddingCluster, addWhileOneDies } from './scenarios/adding.ts'

const BYTES = Number(process.env['E2E_ADD_MIB'] ?? '1024') * 1024 * 1024
const SHARDS = 10

describe(`${(BYTES / 1024 / 1024).toString()} MiB into a cluster of three`, () => {
  let cluster: AddingCluster

  beforeAll(async () => {
    cluster = await AddingCluster.start()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('is held by two of them, and read whole at each', async () => {
    const { read, pins } = await addAndRead(cluster, 'whole', BYTES)
    expect(read).toEqual({ alpha: true, beta: true, gamma: true })
    expect(pins).toMatchObject({ pin: 1, 'shard-pin': 0 })
  })

  it('spreads over them in shards, and is read whole at each', async () => {
    const size = Math.ceil(BYTES / (SHARDS - 1)).toString()
    const { read, pins } = await addAndRead(cluster, 'parts', BYTES, ['--shard', '--shard-size', size])
    expect(read).toEqual({ alpha: true, beta: true, gamma: true })
    expect(pins).toEqual({ pin: 0, 'shard-pin': SHARDS, 'clusterdag-pin': 1, 'meta-pin': 1 })
  })

  it('is added while one of its holders dies, and gets another one', async () => {
    expect(await addWhileOneDies(cluster, BYTES)).toEqual(['alpha', 'gamma'])
  })
})
