import { array, binary, bytes, type Codec, decodeAt, empty, field, int, string, struct } from '@cluster/msgpack'
import { ByteReader, closeWrite, readStream, writeStream } from '@cluster/streams'
import type { Connection, StreamHandler } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { streamPair } from '@libp2p/utils'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { headerCodec } from './frame.ts'
import { authorizeByPolicy, RpcServer } from './index.ts'

interface EdgeCase {
  readonly name: string
  readonly request: string
  readonly half_closed: boolean
  readonly response: string
  readonly end: string | null
}
const file = new URL('../../testing/vectors/rpc/edge-cases.json', import.meta.url)
const { cases } = JSON.parse(await readFile(file, 'utf8')) as { cases: readonly EdgeCase[] }
const caller = peerIdFromString('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')

const atLeastTwoBytes = binary(
  (value) => {
    if (value.length < 2 || value[0] === 1) throw new Error('multihash too short. must be >= 2 bytes')
    return value
  },
  (value) => value
)
const block = struct<{ data: Uint8Array | undefined; cid: Uint8Array | undefined; size: number }>({
  data: field('d', bytes),
  cid: field('c', bytes),
  size: field('s', int)
})

function method<M extends 'unary' | 'streaming', A, R>(mode: M, policy: string, argument: Codec<A>, reply: Codec<R>) {
  return { mode, policy, argument, reply }
}
const methods = {
  'Cluster.ID': method('unary', 'open', empty, string),
  'Cluster.IDStream': method('streaming', 'open', empty, string),
  'Cluster.IPFSID': method('unary', 'open', atLeastTwoBytes, string),
  'Cluster.Pins': method('streaming', 'closed', empty, string),
  'Cluster.Version': method('unary', 'open', empty, string),
  'PinTracker.Status': method('unary', 'open', atLeastTwoBytes, string),
  'PinTracker.StatusAll': method('streaming', 'open', int, string),
  'IPFSConnector.BlockGet': method('unary', 'open', atLeastTwoBytes, bytes),
  'IPFSConnector.BlockStream': method('streaming', 'open', block, empty),
  'IPFSConnector.PinLs': method('streaming', 'open', array(string), string),
  'IPFSConnector.RepoStat': method('unary', 'open', empty, string)
} as const

/** A method that uses its context, as the one of the recorded peer did by a request to IPFS. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const aborted = (): void => {
      reject(new Error('Post "http://127.0.0.1/api/v0/repo/stat?size-only=true": context canceled'))
    }
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted)
  })
}

async function serve(): Promise<{
  accept: StreamHandler
  server: RpcServer<typeof methods>
  cancelled: Promise<void>
}> {
  const accepting = Promise.withResolvers<StreamHandler>()
  const cancelled = Promise.withResolvers<undefined>()
  const server = new RpcServer({
    libp2p: {
      handle: (_protocol, handler) => {
        accepting.resolve(handler)
        return Promise.resolve()
      },
      unhandle: () => Promise.resolve()
    },
    protocol: '/ipfscluster/1.0/rpc',
    methods,
    handlers: {
      'Cluster.ID': () => Promise.resolve('id'),
      'Cluster.IDStream': async function* () {
        yield await Promise.resolve('id')
      },
      'Cluster.IPFSID': () => Promise.resolve('id'),
      'Cluster.Version': () => Promise.resolve('1.1.6'),
      'PinTracker.Status': () => Promise.resolve('status'),
      'PinTracker.StatusAll': async function* (filters) {
        for await (const filter of filters) yield `status ${filter}`
      },
      'IPFSConnector.BlockGet': (_cid, { signal }) =>
        whenAborted(signal).finally(() => {
          cancelled.resolve(undefined)
        }),
      // eslint-disable-next-line require-yield -- this method answers with nothing but its end
      'IPFSConnector.BlockStream': async function* (blocks) {
        let count = 0
        for await (const one of blocks) count += one.size
        if (count === 0) throw new Error('BlockStream: no blocks to peek in blocks channel')
      },
      'IPFSConnector.PinLs': async function* (types) {
        for await (const list of types) {
          for (const type of list ?? []) yield type
          if (list?.length === 0) throw new Error('no pinType provided for pin/ls')
        }
      },
      'IPFSConnector.RepoStat': (_none, { signal }) => whenAborted(signal)
    },
    authorize: authorizeByPolicy(methods, () => true)
  })
  await server.start()
  return { accept: await accepting.promise, server, cancelled: cancelled.promise }
}

/** The kind of the first answer: whether it is an error, of which type, and of refusals and lookups the text too. */
function kindOf(response: string): { failed: boolean; errorType: number; text: string } | undefined {
  if (response === '') return undefined
  const { value } = decodeAt(headerCodec, Buffer.from(response, 'hex'), 0)
  const texts = /^(rpc: can't find|client does not have|EOF$|error reading service ID: )/.exec(value.error)
  const text = texts === null ? '' : value.error.replace(/(msgpack decode error).*/, '$1')
  return { failed: value.error !== '', errorType: value.errorType, text }
}

/** Where our answer is another on purpose. */
const differs: Readonly<Record<string, { failed: boolean; errorType: number; text: string }>> = {
  // The reference loses what was wrong with an argument of a stream: it cancels the method and sends that error.
  'streaming bad argument': { failed: true, errorType: 1, text: '' },
  'streaming bad argument NodeWithMeta': { failed: true, errorType: 1, text: '' },
  'streaming argument truncated': { failed: true, errorType: 1, text: '' },
  // The reference withholds an error until the caller has ended its arguments.
  'streaming error without half-close (PinLs bad)': { failed: true, errorType: 0, text: '' }
}

describe('a server for unusual requests', () => {
  it('knows all recorded cases', () => {
    expect(cases.length).toBe(30)
    expect(Object.keys(differs).every((name) => cases.some((entry) => entry.name === name))).toBe(true)
  })

  it.each(cases.map((entry) => [entry.name, entry] as const))('%s', async (name, entry) => {
    const { accept, server, cancelled } = await serve()
    const [client, served] = await streamPair()
    await writeStream(client, Buffer.from(entry.request, 'hex'))
    if (entry.half_closed) await closeWrite(client)
    await accept(served, { remotePeer: caller } as unknown as Connection)
    const reader = new ByteReader(readStream(client))
    const expected = differs[name] ?? kindOf(entry.response)
    if (name === 'client reset while waiting') {
      client.abort(new Error('x'))
      await cancelled
    } else if (entry.end === 'eof') {
      while (await reader.fill());
      expect(kindOf(Buffer.from(reader.buffered).toString('hex'))).toEqual(expected)
      if (expected?.failed === false) expect(reader.buffered.length).toBeGreaterThan(0)
    } else {
      // The caller has not ended its arguments: the stream stays open, with the answer on it if there is one.
      if (expected !== undefined) {
        await reader.fill()
        expect(kindOf(Buffer.from(reader.buffered).toString('hex'))).toEqual(expected)
      }
      if (!expected?.failed) expect(client.remoteWriteStatus).toBe('writable')
      client.abort(new Error('done'))
    }
    await server.stop()
  })
})
