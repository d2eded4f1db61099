import { array, bytes, type Codec, empty, field, int, string, struct, time } from '@cluster/msgpack'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { authorizeByPolicy, type FailedCall, type Handlers, RpcClient, type RpcLimits, RpcServer } from './index.ts'

const protocol = '/test/rpc/1.0'
const MiB = 1024 * 1024

function unary<A, R>(argument: Codec<A>, reply: Codec<R>, policy = 'open') {
  return { mode: 'unary', policy, argument, reply } as const
}
function streaming<A, R>(argument: Codec<A>, reply: Codec<R>, policy = 'open') {
  return { mode: 'streaming', policy, argument, reply } as const
}
const person = struct<{ name: string; age: number }>({ name: field('n', string), age: field('a', int) })
const methods = {
  'Test.Greet': unary(person, string),
  'Test.Fail': unary(string, person),
  'Test.Wait': unary(empty, empty),
  'Test.Echo': unary(bytes, bytes),
  'Test.Private': unary(empty, empty, 'closed'),
  'Test.Trusted': unary(empty, string, 'trusted'),
  'Test.Missing': unary(empty, empty),
  'Test.Count': streaming(int, int),
  'Test.Double': streaming(int, int),
  'Test.Blobs': streaming(int, bytes),
  'Test.Sink': streaming(bytes, empty),
  'Test.Lists': streaming(empty, array(string)),
  'Test.Times': streaming(empty, time)
} as const
type Methods = typeof methods

let caller: Libp2p
let called: Libp2p
beforeAll(async () => {
  const make = (): Promise<Libp2p> =>
    createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [
        yamux({
          maxInboundStreams: 4096,
          maxOutboundStreams: 4096,
          streamOptions: { maxStreamWindowSize: 2 * MiB, maxReadBufferLength: 8 * MiB }
        })
      ]
    })
  ;[caller, called] = await Promise.all([make(), make()])
  await caller.dial(called.getMultiaddrs())
})
afterAll(async () => {
  await Promise.all([caller.stop(), called.stop()])
})

let servers: { stop(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  servers = []
  const open = [caller, called].flatMap((node) => node.getConnections()).flatMap(({ streams }) => streams)
  await Promise.all(
    open
      .filter((stream) => stream.protocol === protocol)
      .map(
        (stream) =>
          new Promise((resolve) => {
            stream.addEventListener('close', resolve)
          })
      )
  )
})

interface Served {
  readonly client: RpcClient<Methods>
  readonly server: RpcServer<Methods>
  readonly failures: FailedCall[]
}

async function serve(handlers: Handlers<Methods>, limits: Partial<RpcLimits> = {}, trusted = true): Promise<Served> {
  const failures: FailedCall[] = []
  const server = new RpcServer({
    libp2p: called,
    protocol,
    methods,
    handlers,
    limits,
    authorize: authorizeByPolicy(methods, () => trusted),
    onFailure: (call) => failures.push(call)
  })
  await server.start()
  servers.push(server)
  return { client: new RpcClient({ libp2p: caller, protocol, methods, limits }), server, failures }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* upTo(count: number, taken?: (value: number) => void): AsyncGenerator<number> {
  for (let value = 0; value < count; value += 1) {
    taken?.(value)
    yield value
    if (value % 64 === 0) await Promise.resolve()
  }
}

async function* nothing(): AsyncGenerator<never> {
  yield* await Promise.resolve([])
}

async function received(stream: Stream): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of readStream(stream)) parts.push(chunk.subarray())
  return Buffer.concat(parts)
}

describe('streaming calls', () => {
  const counting: Handlers<Methods> = {
    'Test.Count': async function* (args) {
      for await (const count of args) yield* upTo(count)
    },
    'Test.Double': async function* (args) {
      for await (const value of args) yield 2 * value
    }
  }

  it('carry many arguments and replies, both ways at once', async () => {
    const { client } = await serve(counting)
    const doubled = await collect(client.stream(called.peerId, 'Test.Double', upTo(5000)))
    expect(doubled).toEqual(Array.from({ length: 5000 }, (_, i) => 2 * i))
    expect(await collect(client.stream(called.peerId, 'Test.Double', nothing()))).toEqual([])
  })

  it('hold the server back when the caller is slow', async () => {
    let made = 0
    const { client } = await serve({
      'Test.Blobs': async function* () {
        for (; made < 400; made += 1) yield await Promise.resolve(new Uint8Array(64 * 1024))
      }
    })
    const replies = client.stream(called.peerId, 'Test.Blobs', nothing())
    await replies.next()
    for (let turn = 0; turn < 300; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(made).toBeLessThan(120)
    expect((await collect(replies)).length).toBe(399)
  })

  it('hold the caller back when the server is slow', async () => {
    let given = 0
    let taken = 0
    const go = Promise.withResolvers<undefined>()
    const { client } = await serve({
      // eslint-disable-next-line require-yield -- answers with nothing but its end
      'Test.Sink': async function* (args) {
        await go.promise
        for await (const blob of args) taken += blob?.length ?? 0
      }
    })
    const blobs = async function* (): AsyncGenerator<Uint8Array> {
      for (; given < 400; given += 1) yield await Promise.resolve(new Uint8Array(64 * 1024))
    }
    const done = collect(client.stream(called.peerId, 'Test.Sink', blobs()))
    for (let turn = 0; turn < 300; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(given).toBeLessThan(120)
    go.resolve(undefined)
    expect(await done).toEqual([])
    expect([given, taken]).toEqual([400, 400 * 64 * 1024])
  })

  it('deliver the replies before an error', async () => {
    const { client } = await serve({
      'Test.Count': async function* () {
        yield 1
        yield 2
        await Promise.reject(new Error('boom'))
      }
    })
    const replies: number[] = []
    const work = (async () => {
      for await (const reply of client.stream(called.peerId, 'Test.Count', upTo(1))) replies.push(reply)
    })()
    await expect(work).rejects.toMatchObject({ code: 'method_failed', message: 'boom' })
    expect(replies).toEqual([1, 2])
  })

  it('are refused at once', async () => {
    const { client } = await serve({})
    let left = false
    const endless = async function* (): AsyncGenerator<number> {
      try {
        for (;;) yield await new Promise<number>((resolve) => setImmediate(resolve, 1))
      } finally {
        left = true
      }
    }
    await expect(collect(client.stream(called.peerId, 'Test.Count', endless()))).rejects.toMatchObject({
      code: 'server_failed'
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(left).toBe(true)
  })

  it('end at the other side when the caller breaks off or aborts', async () => {
    const ended: string[] = []
    const both = Promise.withResolvers<undefined>()
    const { client } = await serve({
      'Test.Count': async function* (_args, { signal }) {
        try {
          for (let value = 0; ; value += 1) {
            yield value
            await new Promise((resolve) => setImmediate(resolve))
          }
        } finally {
          ended.push(String(signal.aborted))
          if (ended.length === 2) both.resolve(undefined)
        }
      }
    })
    for await (const value of client.stream(called.peerId, 'Test.Count', upTo(1))) if (value === 3) break
    const abort = new AbortController()
    const work = (async () => {
      for await (const value of client.stream(called.peerId, 'Test.Count', upTo(1), { signal: abort.signal })) {
        if (value === 3) abort.abort(new Error('enough'))
      }
    })()
    await expect(work).rejects.toThrow('enough')
    await both.promise
    expect(ended).toEqual(['true', 'true'])
  })

  it('throw the error of the arguments', async () => {
    const { client } = await serve(counting)
    const failing = async function* (): AsyncGenerator<number> {
      yield 1
      await Promise.reject(new RangeError('no more arguments'))
    }
    await expect(collect(client.stream(called.peerId, 'Test.Double', failing()))).rejects.toThrow(RangeError)
    const odd = (async function* () {
      yield await Promise.resolve(1.5)
    })()
    await expect(collect(client.stream(called.peerId, 'Test.Double', odd))).rejects.toMatchObject({
      code: 'unencodable'
    })
  })

  it('take all arguments even if the method does not read them', async () => {
    const { client } = await serve({
      'Test.Double': async function* (args) {
        for await (const first of args) {
          yield first
          return
        }
      }
    })
    let given = 0
    const count = (): void => {
      given += 1
    }
    expect(await collect(client.stream(called.peerId, 'Test.Double', upTo(1000, count)))).toEqual([0])
    expect(given).toBe(1000)
  })

  it('never send nil, which would end the process of a Go peer', async () => {
    const { client } = await serve({
      'Test.Sink': async function* () {
        await Promise.resolve()
        yield undefined
      },
      'Test.Lists': async function* () {
        yield await Promise.resolve([])
        yield undefined
      },
      'Test.Times': async function* () {
        await Promise.resolve()
        yield undefined
      }
    })
    expect(await collect(client.stream(called.peerId, 'Test.Sink', nothing()))).toEqual([undefined])
    for (const method of ['Test.Lists', 'Test.Times'] as const) {
      const stream = await caller.dialProtocol(called.peerId, protocol)
      const name = new TextEncoder().encode(method.slice(5))
      await writeStream(
        stream,
        Uint8Array.of(
          0x82,
          0xa4,
          ...Buffer.from('Name'),
          0xa4,
          ...Buffer.from('Test'),
          0xa6,
          ...Buffer.from('Method'),
          0xa0 | name.length,
          ...name
        )
      )
      await closeWrite(stream)
      const answer = await received(stream)
      // Only an error header may stand before nil.
      expect(answer.at(-1)).toBe(0xc0)
      expect(answer.includes(Buffer.from('is nil'))).toBe(true)
      expect(answer.indexOf(Uint8Array.of(0xc0))).toBe(answer.length - 1)
    }
  })
})
