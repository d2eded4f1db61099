import { any, type Codec, decode, valueLength } from '@cluster/msgpack'
import { ByteReader, closeWrite, readStream, writeStream } from '@cluster/streams'
import { streamPair } from '@libp2p/utils'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Connection, Libp2p, Stream, StreamHandler } from '@libp2p/interface'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { errorTypes, ErrorWithReply, type Handlers, type MethodDescription, RpcClient, RpcServer } from './index.ts'
import { headerCodec } from './frame.ts'

interface RecordedCall {
  readonly peer: 'open' | 'trusting' | 'untrusting'
  readonly mode: 'unary' | 'streaming'
  readonly method: string
  readonly request: string
  readonly response: string
  readonly error?: string
  readonly error_type?: number
}
interface GoCall {
  readonly mode: 'unary' | 'streaming'
  readonly method: string
  readonly request?: string
  readonly response: string
}

async function vectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../testing/vectors/rpc/${name}`, import.meta.url), 'utf8')) as T
}
const { calls } = await vectors<{ calls: readonly RecordedCall[] }>('calls.json')
const goClient = await vectors<{ calls: readonly GoCall[]; join: readonly GoCall[] }>('go-client.json')
const protocol = '/ipfscluster/1.0/rpc'
const peer = peerIdFromString('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')

/** Writes recorded bytes as they are; reads without regard to types. */
const recorded: Codec<unknown> = {
  ...any,
  encode: (writer, value) => {
    if (!(value instanceof Uint8Array)) throw new Error('recorded bytes only')
    writer.encoded(value)
  }
}

function split(hex: string): Uint8Array[] {
  const values: Uint8Array[] = []
  for (let bytes = Buffer.from(hex, 'hex'); bytes.length > 0;) {
    const length = valueLength(bytes)
    if (length === undefined) throw new Error('cut')
    values.push(bytes.subarray(0, length))
    bytes = bytes.subarray(length)
  }
  return values
}

function madeUp(response: string): boolean {
  return decode(headerCodec, Buffer.from(response, 'hex')).errorType === errorTypes.server
}

/** Header and data, pair by pair. */
function pairs(hex: string): { error: string; data: Uint8Array }[] {
  const values = split(hex)
  return Array.from({ length: values.length / 2 }, (_, index) => ({
    error: decode(headerCodec, values[2 * index] ?? new Uint8Array()).error,
    data: values[2 * index + 1] ?? new Uint8Array()
  }))
}

function table<M extends 'unary' | 'streaming'>(
  method: string,
  mode: M
): Record<string, MethodDescription & { mode: M; argument: Codec<unknown>; reply: Codec<unknown> }> {
  return { [method]: { mode, policy: 'open', argument: recorded, reply: recorded } }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
  await Promise.resolve()
}

/** Answers as the recorded peer did, once the whole request has come; gives the request. */
async function playServer(stream: Stream, call: RecordedCall): Promise<string> {
  const reader = new ByteReader(readStream(stream))
  const expected = call.request.length / 2
  const request = call.mode === 'unary' ? Buffer.from(await reader.read(expected)) : await all(reader)
  await writeStream(stream, Buffer.from(call.response, 'hex'))
  await closeWrite(stream)
  return request.toString('hex')
}

async function all(reader: ByteReader): Promise<Buffer> {
  while (await reader.fill());
  return Buffer.from(reader.buffered)
}

describe('a client of recorded peers', () => {
  it.each(calls.map((call, index) => [`${index} ${call.peer} ${call.method}`, call] as const))(
    '%s: sends the recorded request, understands the recorded answer',
    async (_name, call) => {
      const [ours, theirs] = await streamPair({ protocol })
      const libp2p: Pick<Libp2p, 'dialProtocol'> = { dialProtocol: () => Promise.resolve(ours) }
      const request = playServer(theirs, call)
      const args = split(call.request).slice(1)
      const replies: unknown[] = []
      const work =
        call.mode === 'unary'
          ? new RpcClient({ libp2p, protocol, methods: table(call.method, 'unary') }).call(peer, call.method, args[0])
          : collect(
              new RpcClient({ libp2p, protocol, methods: table(call.method, 'streaming') }).stream(
                peer,
                call.method,
                each(args)
              ),
              replies
            )
      if (call.error === undefined) {
        const reply = await work
        if (call.mode === 'unary') replies.push(reply)
      } else {
        const code = call.error_type === 3 ? 'unauthorized' : call.error_type === 1 ? 'server_failed' : 'method_failed'
        await expect(work).rejects.toMatchObject({ code, message: call.error })
      }
      const answered = pairs(call.response).filter(({ error }) => error === '')
      expect(replies).toEqual(answered.map(({ data }) => decode(any, data)))
      expect(await request).toBe(call.request)
    }
  )
})

async function collect(replies: AsyncIterable<unknown>, into: unknown[]): Promise<void> {
  for await (const reply of replies) into.push(reply)
}

interface Played {
  readonly method: string
  readonly mode: 'unary' | 'streaming'
  readonly request: string
  readonly response: string
}

/** Sends a recorded request to our server, whose handler gives the recorded replies; gives what the server answers. */
async function playClient(
  call: Played,
  refused: boolean,
  deliver: (stream: Stream, request: Buffer) => Promise<void>
): Promise<string> {
  const answers = pairs(call.response)
  const failure = answers.at(-1)?.error === '' ? undefined : answers.at(-1)
  const data = answers.filter(({ error }) => error === '').map((answer) => answer.data)
  const args: unknown[] = []
  const unary = (argument: unknown): Promise<unknown> => {
    args.push(argument)
    if (failure !== undefined) return Promise.reject(new ErrorWithReply(failure.error, failure.data))
    return Promise.resolve(data[0])
  }
  const streaming = async function* (items: AsyncIterable<unknown>): AsyncGenerator {
    for await (const item of items) args.push(item)
    yield* data
    if (failure !== undefined) throw new Error(failure.error)
  }
  let accept: StreamHandler | undefined
  const methods = table(call.method, call.mode)
  const server = new RpcServer({
    libp2p: {
      handle: (_protocol, handler) => {
        accept = handler
        return Promise.resolve()
      },
      unhandle: () => Promise.resolve()
    },
    protocol,
    methods,
    handlers: { [call.method]: call.mode === 'unary' ? unary : streaming } as Handlers<typeof methods>,
    authorize: () => !refused
  })
  await server.start()
  const [client, served] = await streamPair({ protocol })
  const connection: Pick<Connection, 'remotePeer'> = { remotePeer: peer }
  await deliver(client, Buffer.from(call.request, 'hex'))
  if (call.mode === 'streaming') await closeWrite(client)
  await accept?.(served, connection as Connection)
  const answer = await all(new ByteReader(readStream(client)))
  client.abort(new Error('done'))
  await server.stop()
  if (!refused)
    expect(args).toEqual(
      split(call.request)
        .slice(1)
        .map((value) => decode(any, value))
    )
  return answer.toString('hex')
}

const atOnce = (stream: Stream, request: Buffer): Promise<void> => writeStream(stream, request)
const byteByByte = async (stream: Stream, request: Buffer): Promise<void> => {
  for (const byte of request) await writeStream(stream, Uint8Array.of(byte))
}

describe('a server for recorded requests', () => {
  // What the arguments mean, and with it errors about them, is up to the codecs (tests of @cluster/wire).
  const served = calls.filter((call) => call.error_type !== 1)

  it('covers nearly all of the recorded calls', () => {
    expect([calls.length, served.length]).toEqual([184, 184])
  })

  it.each(served.map((call, index) => [`${index} ${call.peer} ${call.method}`, call] as const))(
    '%s: answers with the recorded bytes',
    async (_name, call) => {
      expect(await playClient(call, call.error_type === 3, atOnce)).toBe(call.response)
    }
  )

  // One answer was a server error that the recording peer made up: what a handler throws never travels as that.
  const short = [...goClient.calls, ...goClient.join].filter(
    (call): call is GoCall & Played => call.request !== undefined && !madeUp(call.response)
  )
  it.each(short.map((call, index) => [`${index} ${call.method}`, call] as const))(
    'of Go clients, %s: understands the request in one piece and in many',
    async (_name, call) => {
      const refused = pairs(call.response).some(({ error }) => error.startsWith('client does not have permissions'))
      expect(await playClient(call, refused, atOnce)).toBe(call.response)
      expect(await playClient(call, refused, byteByByte)).toBe(call.response)
    }
  )
})
