import { pinOf, TrackerStatus, type Alert, type PinInfo } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { alertToJSON, pinInfoToJSON, pinToJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { ClusterClient, type EventsOptions, type PeerEvent, type Transport } from './index.ts'
import { serverEvents, type ServerEvent } from './server-events.ts'

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const peer = testPeerId(1).toString()

/** What one connection brings: bytes, in pieces, or a failure. */
type Connection = readonly (string | Error)[] | number | Error

/** A client of a peer whose connections bring this, one after the other; the last one stays open. */
function clientOf(connections: readonly Connection[]): { client: ClusterClient; asked: string[] } {
  const asked: string[] = []
  const transport: Transport = {
    readsTrailers: true,
    send({ url, signal }) {
      const connection = connections[asked.length] ?? new Error('gone')
      asked.push(decodeURIComponent(url.search))
      if (connection instanceof Error) return Promise.reject(connection)
      const isLast = asked.length === connections.length
      const status = typeof connection === 'number' ? connection : 200
      const pieces = typeof connection === 'number' ? ['{"code":403,"message":"no"}'] : connection
      const body = bytesOf(pieces, isLast && status === 200 ? signal : undefined)
      return Promise.resolve({ status, statusText: '', body, trailer: () => [] })
    },
    close: () => undefined
  }
  return { client: new ClusterClient({ url: 'http://host', transport }), asked }
}

async function* bytesOf(
  pieces: readonly (string | Error)[],
  open: AbortSignal | undefined
): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece
    yield await Promise.resolve(new TextEncoder().encode(piece))
  }
  if (open === undefined) return
  await new Promise((_, reject) => {
    open.addEventListener('abort', () => {
      reject(open.reason as Error)
    })
  })
}

/** Reads so many events, then leaves. */
async function take(client: ClusterClient, count: number, options: EventsOptions = {}): Promise<PeerEvent[]> {
  const events: PeerEvent[] = []
  for await (const event of client.events({ retryMs: 1, ...options })) {
    events.push(event)
    if (events.length === count) break
  }
  return events
}

const told = (id: string, event: string, data: string): string => `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
const START = told('run-2', 'start', `{"peer":"${peer}","peername":"one"}`)
const expired = (id: number): string => told(`run-${id}`, 'expired', `{"cid":"${cid.toString()}"}`)

describe('events of a peer', () => {
  it('are typed, each', async () => {
    const pin = pinOf(cid, { name: 'docs' })
    const status: PinInfo = {
      cid,
      name: 'docs',
      peer: testPeerId(1),
      peername: 'one',
      ipfsPeerId: undefined,
      ipfsPeerAddresses: undefined,
      allocations: [],
      origins: undefined,
      created: undefined,
      metadata: undefined,
      status: TrackerStatus.pinned,
      timestamp: undefined,
      error: '',
      attemptCount: 0,
      priorityPin: false
    }
    const alert: Alert = {
      name: 'ping',
      peer: testPeerId(1),
      value: '',
      expire: 1n,
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n,
      triggeredAt: 5n
    }
    const { client, asked } = clientOf([
      [
        START,
        told('run-3', 'pinset', `{"type":"pin","pin":${pinToJSON(pin)}}`),
        told('run-4', 'pinset', `{"type":"unpin","cid":"${cid.toString()}"}`),
        told('run-5', 'pinset', '{"type":"resync"}'),
        told('run-6', 'status', pinInfoToJSON(status)),
        told('run-7', 'peer', `{"peer":"${peer}","peername":"one","state":"joined"}`),
        told('run-8', 'alert', alertToJSON(alert)),
        told('run-9', 'of a later version', '{}'),
        told('run-10', 'ready', '{}'),
        told('run-19', 'lost', '{"reason":"forgotten","count":9}')
      ]
    ])
    expect(await take(client, 9, { types: ['pinset', 'status'] })).toMatchObject([
      { id: 'run-2', type: 'start', peer, peername: 'one' },
      { type: 'pinset', change: { type: 'pin', pin: { name: 'docs', cid } } },
      { type: 'pinset', change: { type: 'unpin', cid } },
      { type: 'pinset', change: { type: 'resync' } },
      { type: 'status', status: { name: 'docs', status: TrackerStatus.pinned } },
      { type: 'peer', peer, peername: 'one', state: 'joined' },
      { type: 'alert', alert: { name: 'ping', triggeredAt: 5n } },
      { type: 'ready' },
      { id: 'run-19', type: 'lost', reason: 'forgotten', count: 9 }
    ])
    expect(asked).toEqual(['?types=pinset,status'])
  })

  it('go on where they were after a break, an end of the peer, and failures', async () => {
    const end = 'event: end\ndata: {"code":"SLOW_CLIENT","message":"x"}\n\n'
    const { client, asked } = clientOf([
      [START, expired(3), new Error('reset')],
      new Error('refused'),
      [expired(4), end],
      [],
      [expired(5)]
    ])
    const events = await take(client, 4, { lastEventId: 'run-1' })
    expect(events.map(({ id }) => id)).toEqual(['run-2', 'run-3', 'run-4', 'run-5'])
    expect(asked).toEqual([1, 3, 3, 4, 4].map((id) => `?last-event-id=run-${id}`))
  })

  it('are given up after so many failures, at once when they never came, and when they are refused', async () => {
    const lost = clientOf([[START, new Error('reset')]])
    await expect(take(lost.client, 9, { retries: 2 })).rejects.toMatchObject({ code: 'UNREACHABLE', message: 'gone' })
    expect(lost.asked).toHaveLength(3)
    const never = clientOf([])
    await expect(take(never.client, 1)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    expect(never.asked).toHaveLength(1)
    const refused = clientOf([[START, new Error('reset')], 403])
    await expect(take(refused.client, 9)).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 })
    await expect(take(clientOf([[], []]).client, 9, { retries: 1 })).rejects.toMatchObject({ code: 'UNEXPECTED' })
    const bad = clientOf([[told('run-1', 'expired', '{"cid":"none"}')]])
    await expect(take(bad.client, 1)).rejects.toMatchObject({ code: 'UNEXPECTED' })
  })

  it('end at an abort', async () => {
    const abort = new AbortController()
    const { client } = clientOf([[START]])
    const events = client.events({ signal: abort.signal })
    await events.next()
    const next = events.next()
    abort.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
  })
})

describe('server-sent events', () => {
  const parse = async (...pieces: readonly string[]): Promise<ServerEvent[]> => {
    const events: ServerEvent[] = []
    for await (const event of serverEvents(bytesOf(pieces, undefined))) events.push(event)
    return events
  }

  it('are read however they are cut and whatever ends their lines', async () => {
    const text = ': hello\n\nid: 1\ndata: a\ndata:  b\n\nevent: x\r\ndata\r\n\r\nretry: 5\n\ndata: €\n\ndata: cut off'
    const wanted = [
      { id: '1', event: 'message', data: 'a\n b' },
      { id: '1', event: 'x', data: '' },
      { id: '1', event: 'message', data: '€' }
    ]
    expect(await parse(text)).toEqual(wanted)
    expect(await parse(...(text.replaceAll('\r\n', '\n').match(/[^]/gu) ?? []))).toEqual(wanted)
  })

  it('have a limit', async () => {
    await expect(parse(`data: ${'x'.repeat(20_000_000)}`)).rejects.toMatchObject({ code: 'UNEXPECTED' })
  })
})
