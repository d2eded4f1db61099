import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSurface, eventStreamResponse, formatEvent, listen, type EventFeed, type Listeners } from './index.ts'

/** A feed that counts up. */
class Counter implements EventFeed {
  readonly #watchers = new Set<() => void>()
  readonly text: string
  taken = 0
  last = 0
  constructor(text = '') {
    this.text = text
  }
  get watchers(): number {
    return this.#watchers.size
  }
  next(limit: number) {
    const count = Math.min(limit, this.waiting())
    const first = this.taken + 1
    this.taken += count
    return Array.from({ length: count }, (_, i) => ({
      id: String(first + i),
      event: 'count',
      data: `${first + i}${this.text}`
    }))
  }
  waiting() {
    return this.last - this.taken
  }
  onNew(fn: () => void) {
    this.#watchers.add(fn)
    return () => this.#watchers.delete(fn)
  }
  emit(count = 1) {
    for (let i = 0; i < count; i++) {
      this.last++
      for (const watcher of this.#watchers) watcher()
    }
  }
}

let feed: Counter
let stopping: AbortController
let listeners: Listeners
let over: PromiseWithResolvers<undefined>
const timers = new Map<() => void, number>()
const sockets: Socket[] = []

async function open(counter = new Counter()): Promise<Socket> {
  feed = counter
  const { resolve } = (over = Promise.withResolvers())
  const listener = createSurface({
    handler: async (_request, env) => {
      const setTimer = (inMs: number, fn: () => void) => {
        timers.set(fn, inMs)
        return () => timers.delete(fn)
      }
      const options = { setTimer, maxWaiting: 100, heartbeatMs: 7000, signal: stopping.signal }
      const answer = await eventStreamResponse(env, feed, options)
      resolve(undefined)
      return answer
    }
  })
  listeners = await listen({ targets: [{ host: '127.0.0.1', port: 0 }], listener })
  const [target] = listeners.targets
  const socket = connect({ host: '127.0.0.1', port: target !== undefined && 'port' in target ? target.port : 0 })
  sockets.push(socket)
  socket.setEncoding('utf8').write('GET /events HTTP/1.1\r\nHost: h\r\n\r\n')
  return socket
}
async function until(socket: Socket, wanted: string, before = ''): Promise<string> {
  let text = before
  while (!text.includes(wanted)) text += String((await once(socket, 'data'))[0])
  return text
}

/** Sends until one more waits than may. */
async function block(): Promise<void> {
  while (feed.waiting() <= 100) {
    feed.emit()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
/** The time of these timers has come. */
function fire(wantedMs: number): void {
  for (const [fn, inMs] of [...timers]) if (inMs === wantedMs && timers.delete(fn)) fn()
}

beforeEach(() => {
  stopping = new AbortController()
  timers.clear()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await listeners.stop({ graceMs: 0 })
})

describe('a stream of events', () => {
  it('begins with what waits, and goes on with what comes', async () => {
    const counter = new Counter()
    counter.last = 70 // more than a page
    const socket = await open(counter)
    const head = await until(socket, 'data: 70\n\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(head).toContain('Content-Type: text/event-stream\r\n')
    expect(head).toContain('Cache-Control: no-cache\r\n')
    expect(head).toContain('id: 1\nevent: count\ndata: 1\n\n')
    feed.emit()
    await until(socket, 'id: 71\nevent: count\ndata: 71\n\n')
  })

  it('shows that it lives', async () => {
    const socket = await open()
    await until(socket, '\r\n\r\n')
    const [[beat, inMs] = []] = timers
    expect(inMs).toBe(7000)
    beat?.()
    await until(socket, ': still here\n\n')
    expect([...timers.values()]).toEqual([7000])
  })

  it('ends with the client, and leaves nothing', async () => {
    const socket = await open()
    await until(socket, '\r\n\r\n')
    expect([feed.watchers, timers.size]).toEqual([1, 1])
    socket.destroy()
    await over.promise
    expect([feed.watchers, timers.size]).toEqual([0, 0])
    feed.emit()
  })

  it('says so when the server stops', async () => {
    const socket = await open()
    await until(socket, '\r\n\r\n')
    stopping.abort()
    await until(socket, 'event: end\ndata: {"code":"STOPPED","message":"the server stops"}\n\n')
    await over.promise
    expect(feed.watchers).toBe(0)
  })

  it('ends for a client that does not read, with the reason, and is cut later', async () => {
    const socket = await open(new Counter('x'.repeat(100_000)))
    await until(socket, '\r\n\r\n')
    socket.pause()
    await block()
    fire(1000)
    expect([feed.watchers, feed.waiting()]).toEqual([0, 101])
    // Who reads then learns why; else the connection is cut.
    expect([...timers.values()]).toEqual([5000])
    socket.resume()
    const text = await until(socket, 'event: end\n')
    expect(text).toContain('{"code":"SLOW_CLIENT",')
  })

  it('is cut when the reason is not read either', async () => {
    const socket = await open(new Counter('x'.repeat(100_000)))
    await until(socket, '\r\n\r\n')
    socket.pause()
    await block()
    fire(1000)
    fire(5000)
    socket.resume()
    const text = (await socket.on('error', () => undefined).toArray()).join('')
    expect(text).not.toContain('event: end')
  })

  it('keeps a client that reads, whatever comes at once', async () => {
    const socket = await open()
    await until(socket, '\r\n\r\n')
    feed.emit(5000)
    await until(socket, 'id: 5000\n')
    fire(1000)
    expect(feed.watchers).toBe(1)
  })
})

describe('the text of an event', () => {
  it('keeps lines, and lets nobody forge one', () => {
    expect(formatEvent({ data: 'a\nb\r\nc\rd' })).toBe('data: a\ndata: b\ndata: c\ndata: d\n\n')
    expect(formatEvent({ id: '1\ndata: x', event: 'e\r\n', data: '' })).toBe('id: 1 data: x\nevent: e  \ndata: \n\n')
  })
})
