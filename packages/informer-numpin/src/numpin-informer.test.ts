import { type IpfsConnector, IPFSPinStatus, type IPFSPinInfo, timestampFromMs } from '@cluster/api'
import { informerConformance, testCid, testContext } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { NumpinInformer } from './numpin-informer.ts'

const pinInfo = (n: number): IPFSPinInfo => ({ cid: testCid(n), type: IPFSPinStatus.recursive })

function setUp(pages: readonly (readonly IPFSPinInfo[])[] = [[pinInfo(1)], [pinInfo(2)]], failure?: Error) {
  const asked: unknown[] = []
  const pinLs: IpfsConnector['pinLs'] = async function* (types, { signal }) {
    asked.push(types)
    for (const page of pages) {
      await Promise.resolve()
      signal?.throwIfAborted()
      yield page
    }
    if (failure !== undefined) throw failure
  }
  const context = { ...testContext(), ipfs: { pinLs } }
  return { informer: new NumpinInformer(context, { metricTtlMs: 10_000 }), clock: context.clock, context, asked }
}

informerConformance('numpin', () => setUp())

describe('NumpinInformer', () => {
  it('IN-7: counts recursive and direct pins', async () => {
    const { informer, context, asked } = setUp()
    const expire = timestampFromMs(context.clock.nowMs() + 10_000)
    const metric = { name: 'numpin', peer: context.self, value: '2', weight: 0n, valid: true, expire }
    expect(await informer.getMetrics({})).toEqual([{ ...metric, partitionable: false, receivedAt: 0n }])
    expect(asked).toEqual([['recursive', 'direct']])
  })

  it('IN-7: is invalid once it is stopped', async () => {
    const { informer, asked } = setUp()
    informer.stop()
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '', valid: false })
    expect(asked).toEqual([])
  })

  it('is invalid, and says why, when the list breaks off', async () => {
    const { informer, context } = setUp([[pinInfo(1)]], new Error('connection refused'))
    expect((await informer.getMetrics({}))[0]).toMatchObject({ value: '', valid: false })
    expect(context.lines.map(({ level }) => level)).toEqual(['error'])
  })

  it('passes an abort on', async () => {
    const abort = new AbortController()
    const asked = setUp().informer.getMetrics(abort)
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })
})
