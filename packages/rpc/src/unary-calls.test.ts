import { array, bytes, type Codec, empty, field, int, string, struct, time } from '@cluster/msgpack'
import { closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  authorizeByPolicy,
  ErrorWithReply,
  type FailedCall,
  type Handlers,
  RpcClient,
  type RpcLimits,
  RpcServer
} from './index.ts'

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

async function* nothing(): AsyncGenerator<never> {
  yield* await Promise.resolve([])
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const aborted = (): void => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted)
  })
}

describe('unary calls', () => {
  it('carry argument, reply and who calls', async () => {
    const { client } = await serve({
      'Test.Greet': ({ name, age }, { peer }) => Promise.resolve(`${name} ${age} ${String(peer.equals(caller.peerId))}`)
    })
    expect(await client.call(called.peerId, 'Test.Greet', { name: 'Ada', age: 36 })).toBe('Ada 36 true')
  })

  it('carry 8 MiB each way', async () => {
    const { client } = await serve({ 'Test.Echo': (data) => Promise.resolve(data) })
    const data = new Uint8Array(8 * MiB).fill(3)
    expect((await client.call(called.peerId, 'Test.Echo', data))?.byteLength).toBe(data.length)
  })

  it('run by hundreds at once, and leave no stream open', async () => {
    const { client } = await serve({ 'Test.Echo': (data) => Promise.resolve(data) })
    const replies = await Promise.all(
      Array.from({ length: 500 }, (_, i) => client.call(called.peerId, 'Test.Echo', Uint8Array.of(i & 0xff)))
    )
    expect(replies.map((reply) => reply?.[0])).toEqual(Array.from({ length: 500 }, (_, i) => i & 0xff))
  })

  it('give the error of the method, and the reply beside it', async () => {
    const { client, failures } = await serve({
      'Test.Fail': (text) =>
        Promise.reject(text === '' ? new TypeError('') : new ErrorWithReply(text, { name: 'half', age: 1 }))
    })
    await expect(client.call(called.peerId, 'Test.Fail', 'pin is not part of the pinset')).rejects.toMatchObject({
      code: 'method_failed',
      message: 'pin is not part of the pinset',
      reply: { name: 'half', age: 1 }
    })
    await expect(client.call(called.peerId, 'Test.Fail', '')).rejects.toMatchObject({
      message: 'TypeError',
      reply: undefined
    })
    expect(failures.map(({ method, peer }) => [method, String(peer)])).toEqual(
      [1, 2].map(() => ['Test.Fail', String(caller.peerId)])
    )
  })

  it('are refused, or unknown, before the argument is read', async () => {
    const { client } = await serve({ 'Test.Trusted': () => Promise.resolve('x') }, {}, false)
    await expect(client.call(called.peerId, 'Test.Private', undefined)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'client does not have permissions to call Test.Private'
    })
    await expect(client.call(called.peerId, 'Test.Trusted', undefined)).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(client.call(called.peerId, 'Test.Missing', undefined)).rejects.toMatchObject({
      code: 'server_failed',
      message: "rpc: can't find method Missing"
    })
    const other = new RpcClient({ libp2p: caller, protocol, methods: { 'Toast.Burn': unary(bytes, empty) } })
    await expect(other.call(called.peerId, 'Toast.Burn', new Uint8Array(4 * MiB))).rejects.toMatchObject({
      code: 'server_failed',
      message: "rpc: can't find service Toast"
    })
    const inherited = new RpcClient({ libp2p: caller, protocol, methods: { toString: unary(empty, empty) } })
    await expect(inherited.call(called.peerId, 'toString', undefined)).rejects.toMatchObject({ code: 'server_failed' })
  })

  it('say why a peer cannot be asked', async () => {
    const client = new RpcClient({ libp2p: caller, protocol: '/nobody/1', methods })
    await expect(client.call(called.peerId, 'Test.Wait', undefined)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(called.peerId.toString()) as unknown
    })
  })

  it('are cancelled at the other side when the caller gives up', async () => {
    const cancelled = Promise.withResolvers<unknown>()
    const waiting = Promise.withResolvers<undefined>()
    const { client } = await serve({
      'Test.Wait': (_none, { signal }) => {
        waiting.resolve(undefined)
        return untilAborted(signal).catch((reason: unknown) => {
          cancelled.resolve(reason)
          throw reason
        })
      }
    })
    const abort = new AbortController()
    const call = expect(client.call(called.peerId, 'Test.Wait', undefined, abort)).rejects.toThrow('enough')
    await waiting.promise
    abort.abort(new Error('enough'))
    await call
    expect(await cancelled.promise).toMatchObject({ message: 'context canceled' })
    await expect(client.call(called.peerId, 'Test.Wait', undefined, abort)).rejects.toThrow('enough')
  })

  it('do not cancel a method that takes its time', async () => {
    const go = Promise.withResolvers<undefined>()
    let aborted = false
    const { client } = await serve({
      'Test.Wait': async (_none, { signal }) => {
        await go.promise
        aborted = signal.aborted
        return undefined
      },
      'Test.Echo': (data) => Promise.resolve(data)
    })
    const slow = client.call(called.peerId, 'Test.Wait', undefined)
    for (let turn = 0; turn < 20; turn += 1) await client.call(called.peerId, 'Test.Echo', undefined)
    go.resolve(undefined)
    await slow
    expect(aborted).toBe(false)
  })

  it('end when the server stops, and the server waits for its handlers', async () => {
    const waiting = Promise.withResolvers<undefined>()
    let over = false
    const { client, server } = await serve({
      'Test.Wait': async (_none, { signal }) => {
        waiting.resolve(undefined)
        await untilAborted(signal).catch(() => undefined)
        await new Promise((resolve) => setImmediate(resolve))
        over = true
        return undefined
      }
    })
    const call = expect(client.call(called.peerId, 'Test.Wait', undefined)).rejects.toMatchObject({
      code: 'broken_off'
    })
    await waiting.promise
    await server.stop()
    expect(over).toBe(true)
    await call
    await expect(client.call(called.peerId, 'Test.Wait', undefined)).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('have limits on both sides', async () => {
    const handlers: Handlers<Methods> = {
      'Test.Echo': (data) => Promise.resolve(data),
      'Test.Wait': () => new Promise(() => undefined)
    }
    const { client } = await serve(handlers, { maxValueBytes: 1000 })
    const large = new RpcClient({ libp2p: caller, protocol, methods })
    await expect(large.call(called.peerId, 'Test.Echo', new Uint8Array(2000))).rejects.toMatchObject({
      code: 'server_failed'
    })
    expect((await client.call(called.peerId, 'Test.Echo', new Uint8Array(900)))?.length).toBe(900)
    await servers[0]?.stop()
    await serve(handlers)
    await expect(client.call(called.peerId, 'Test.Echo', new Uint8Array(2000))).rejects.toMatchObject({ code: 'limit' })
  })

  it('are not served beyond the number allowed', async () => {
    const go = Promise.withResolvers<undefined>()
    const { client } = await serve(
      { 'Test.Wait': () => go.promise, 'Test.Echo': () => Promise.resolve(undefined) },
      { maxCalls: 1 }
    )
    const first = client.call(called.peerId, 'Test.Wait', undefined)
    // Streams are served in the order in which they were opened.
    await expect(client.call(called.peerId, 'Test.Echo', undefined)).rejects.toMatchObject({
      code: 'server_failed',
      message: 'more than 1 calls at once'
    })
    go.resolve(undefined)
    await first
  })

  it('give up on requests that do not come', async () => {
    const { failures } = await serve({}, { requestTimeoutMs: 20 })
    const stream = await caller.dialProtocol(called.peerId, protocol)
    await new Promise((resolve) => {
      stream.addEventListener('close', resolve)
    })
    expect(failures.map(({ method }) => method)).toEqual([''])
  })
})

describe('a client of peers that misbehave', () => {
  async function answer(response: Uint8Array, close: boolean): Promise<RpcClient<Methods>> {
    await called.handle(protocol, async (stream) => {
      await writeStream(stream, response)
      if (close) await closeWrite(stream)
      else await readStream(stream).next()
      if (!close) stream.abort(new Error('gone'))
    })
    servers.push({ stop: () => called.unhandle(protocol) })
    return new RpcClient({ libp2p: caller, protocol, methods, limits: { requestTimeoutMs: 50 } })
  }

  it.each([
    ['no answer', [], 'broken_off'],
    ['an answer cut inside the header', [0x81, 0xa5], 'malformed'],
    ['a header without data', [0x80], 'malformed'],
    ['data cut', [0x80, 0xa5, 0x61], 'malformed'],
    ['data of another type', [0x80, 0x05], 'malformed'],
    ['no msgpack', [0xc1], 'malformed'],
    ['a value of 4 GiB', [0x80, 0xdb, 0xff, 0xff, 0xff, 0xff], 'limit']
  ] as const)('%s', async (_name, bytesSent, code) => {
    const client = await answer(Uint8Array.from(bytesSent), true)
    await expect(client.call(called.peerId, 'Test.Greet', { name: '', age: 0 })).rejects.toMatchObject({ code })
    if (bytesSent.length > 0) {
      await expect(collect(client.stream(called.peerId, 'Test.Blobs', nothing()))).rejects.toMatchObject({ code })
    }
  })

  it('takes the first of two answers', async () => {
    const client = await answer(Uint8Array.of(0x80, 0xa2, 0x6f, 0x6b, 0x80, 0xa1, 0x78), true)
    expect(await client.call(called.peerId, 'Test.Greet', { name: '', age: 0 })).toBe('ok')
  })

  it('tells that the stream was reset', async () => {
    const client = await answer(Uint8Array.of(0x80), false)
    await expect(client.call(called.peerId, 'Test.Greet', { name: '', age: 0 })).rejects.toMatchObject({
      code: 'broken_off'
    })
  })
})
