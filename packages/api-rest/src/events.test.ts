import { pinOf, TrackerStatus, type Alert, type ClusterEvent, type TrackedPin } from '@cluster/api'
import { askHttp, LoneCluster, MemoryEvents, testContext, testPeerId } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const cluster = new LoneCluster()
const config = { ...restApiConfig.defaults, httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')] }
let events: MemoryEvents
let context: ReturnType<typeof testContext>
let api: RestApi
let port = 0
const answers: IncomingMessage[] = []

beforeEach(async () => {
  events = new MemoryEvents('run', 16)
  cluster.events = events
  context = testContext()
  api = new RestApi({ ...context, cluster }, config)
  await api.beforeStart()
  await api.start()
  port = Number(api.addresses[0]?.getComponents()[1]?.value)
})
afterEach(async () => {
  for (const answer of answers.splice(0)) answer.destroy()
  await api.stop()
})

interface Told {
  readonly id?: string
  readonly event?: string
  readonly data?: unknown
}

/** A client that reads events one by one. */
async function watch(query = '', lastEventId?: string) {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const [answer] = (await once(get({ port, path: `/events${query}`, headers }), 'response')) as [IncomingMessage]
  answers.push(answer)
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'text/event-stream'])
  const iterator = (answer.setEncoding('utf8') as AsyncIterable<string, undefined>)[Symbol.asyncIterator]()
  let text = ''
  return async (): Promise<Told | undefined> => {
    while (!text.includes('\n\n')) {
      const { value } = await iterator.next()
      if (value === undefined) return undefined
      text += value
    }
    const [block = ''] = text.split('\n\n', 1)
    text = text.slice(block.length + 2)
    if (block.startsWith(':')) return { data: block }
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
    const [id, event, data] = [field('id'), field('event'), JSON.parse(field('data') ?? '') as unknown]
    return { ...(id === undefined ? {} : { id }), ...(event === undefined ? {} : { event }), data }
  }
}

const expired: ClusterEvent = { type: 'expired', cid }
const emit = (count: number): void => {
  for (let i = 0; i < count; i++) events.emit(expired)
}

describe('GET /events', () => {
  it('says where it begins, then what happens', async () => {
    emit(2)
    const next = await watch()
    const self = { peer: cluster.self.toString(), peername: 'test' }
    expect(await next()).toEqual({ id: 'run-2', event: 'start', data: self })
    events.emit(expired)
    expect(await next()).toEqual({ id: 'run-3', event: 'expired', data: { cid: cid.toString() } })
  })

  const alert: Alert = {
    name: 'ping',
    peer: testPeerId(1),
    value: '',
    expire: 0n,
    valid: true,
    weight: 0n,
    partitionable: false,
    receivedAt: 0n,
    triggeredAt: 0n
  }
  const status: TrackedPin = {
    cid,
    name: 'docs',
    allocations: [],
    origins: undefined,
    created: 0n,
    metadata: undefined,
    status: TrackerStatus.pinned,
    timestamp: 0n,
    error: '',
    attemptCount: 1,
    priorityPin: false
  }
  const whole: readonly (readonly [ClusterEvent, object])[] = [
    [
      { type: 'status', status },
      { cid: cid.toString(), name: 'docs', peer: cluster.self.toString(), peername: 'test', status: 'pinned' }
    ],
    [
      { type: 'pinset', change: { type: 'pin', pin: pinOf(cid) } },
      { type: 'pin', pin: { cid: cid.toString() } }
    ],
    [
      { type: 'pinset', change: { type: 'unpin', cid } },
      { type: 'unpin', cid: cid.toString() }
    ],
    [{ type: 'pinset', change: { type: 'resync' } }, { type: 'resync' }],
    [
      { type: 'peer', peer: testPeerId(1), peername: 'other', state: 'joined' },
      { peer: testPeerId(1).toString(), peername: 'other', state: 'joined' }
    ],
    [
      { type: 'alert', alert },
      { name: 'ping', peer: testPeerId(1).toString() }
    ],
    [{ type: 'ready' }, {}]
  ]

  it.each(whole)('tells %o', async (event, data) => {
    const next = await watch()
    await next()
    events.emit(event)
    expect(await next()).toMatchObject({ id: 'run-1', event: event.type, data })
  })

  it('tells only the types that are asked for', async () => {
    const next = await watch('?types=ready,alert')
    await next()
    emit(3)
    events.emit({ type: 'ready' })
    expect(await next()).toEqual({ id: 'run-4', event: 'ready', data: {} })
    const wrong = await askHttp({ port, path: '/events?types=status,fun' })
    expect([wrong.status, wrong.text]).toEqual([
      400,
      '{"code":400,"message":"types: fun is none of pinset, status, peer, alert, ready, expired"}\n'
    ])
  })

  it('goes on where the client was', async () => {
    emit(5)
    for (const next of [await watch('', 'run-3'), await watch('?last-event-id=run-3')]) {
      expect([(await next())?.id, (await next())?.id]).toEqual(['run-4', 'run-5'])
    }
  })

  it('says when events were lost: forgotten meanwhile', async () => {
    emit(20)
    const next = await watch('?types=ready', 'run-1')
    expect(await next()).toEqual({ id: 'run-4', event: 'lost', data: { reason: 'forgotten', count: 3 } })
    events.emit({ type: 'ready' })
    expect((await next())?.id).toBe('run-21')
  })

  it.each(['other-3', 'run-7', 'run-x', 'nonsense'])('says when events were lost: restarted since %s', async (last) => {
    emit(2)
    const next = await watch('', last)
    expect(await next()).toEqual({ id: 'run-0', event: 'lost', data: { reason: 'restarted' } })
    expect([(await next())?.id, (await next())?.id]).toEqual(['run-1', 'run-2'])
  })

  it('ends with the API, and says so', async () => {
    const next = await watch()
    await next()
    const stopped = api.stop()
    expect(await next()).toEqual({ event: 'end', data: { code: 'STOPPED', message: 'the server stops' } })
    expect(await next()).toBeUndefined()
    await stopped
    expect([events.watchers, context.clock.pending]).toEqual([0, 0])
  })

  it('beats', async () => {
    const next = await watch()
    await next()
    await context.clock.advance(15_000)
    expect(await next()).toEqual({ data: ': still here' })
  })

  it('is refused where there are none', async () => {
    cluster.events = undefined
    const { status, text } = await askHttp({ port, path: '/events' })
    expect([status, text]).toEqual([500, '{"code":500,"message":"this peer tells no events"}\n'])
  })
})
