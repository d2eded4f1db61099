import type { PeerProcess } from '@cluster/processes'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const vectors = new URL('../../packages/testing/vectors/adder/car.json', import.meta.url)
const { cases } = JSON.parse(await readFile(vectors, 'utf8')) as { cases: { name: string; bodyHex: string }[] }
const car = Buffer.from(cases.find(({ name }) => name === 'car-v1-unixfs-dir')?.bodyHex ?? '', 'hex')

const TYPE = 'multipart/form-data; boundary=vec'

interface Part {
  readonly name: string
  readonly type?: string
  readonly data: string | Uint8Array
}

/** The parts as a multipart body. */
function body(...parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap(({ name, type = 'application/octet-stream', data }) => [
    Buffer.from(
      `--vec\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`
    ),
    Buffer.from(data as string),
    Buffer.from('\r\n')
  ])
  return Buffer.concat([...pieces, Buffer.from('--vec--\r\n')])
}

const big = body({ name: 'f', data: new Uint8Array(3_000_000).fill(7) })
const carPart = (bytes: Uint8Array): Buffer => body({ name: 't.car', data: bytes })
/** The header says its length in its first byte. */
const HEADER_BYTES = (car[0] ?? 0) + 1
const flipped = Buffer.from(car)
flipped[car.length - 3] = (flipped[car.length - 3] ?? 0) ^ 1

interface Bad {
  readonly what: string
  readonly query?: string
  readonly type?: string
  readonly body: Buffer
  /** In the answer: its status, or 200 with the text in the trailer. */
  readonly says: RegExp
  /** `Content-Length`, when it lies. */
  readonly length?: number
}

const table: readonly Bad[] = [
  { what: 'no multipart', type: 'text/plain', body: big, says: /^HTTP\/1.1 400 [^]*isn't multipart\/form-data/ },
  {
    what: 'no boundary',
    type: 'multipart/form-data',
    body: big,
    says: /^HTTP\/1.1 400 [^]*no multipart boundary param/
  },
  { what: 'no parts', body: body(), says: /^HTTP\/1.1 400 [^]*no files to add/ },
  { what: 'nothing at all', body: Buffer.alloc(0), says: /^HTTP\/1.1 400 [^]*multipart: / },
  { what: 'bytes that are no multipart', body: Buffer.alloc(100_000, 65), says: /^HTTP\/1.1 400 [^]*multipart: / },
  {
    what: 'an end inside the head of a part',
    body: big.subarray(0, 40),
    says: /^HTTP\/1.1 400 [^]*multipart: NextPart: EOF/
  },
  { what: 'an end inside a part', body: big.subarray(0, 2_000_000), says: /multipart: NextPart: EOF/ },
  { what: 'a last boundary that is missing', body: big.subarray(0, -9), says: /multipart: NextPart: EOF/ },
  // What comes after it is no request either, which the HTTP server itself may notice first.
  { what: 'a length that is too short', body: big, length: big.length - 20, says: /^HTTP\/1.1 400 |NextPart: EOF/ },
  {
    what: 'an unknown chunker',
    query: 'chunker=nope',
    body: big,
    says: /^HTTP\/1.1 400 [^]*unrecognized chunker option: nope/
  },
  {
    what: 'an unknown format',
    query: 'format=nope',
    body: big,
    says: /^HTTP\/1.1 400 [^]*format parameter is invalid/
  },
  {
    what: 'a wrong number',
    query: 'cid-version=x',
    body: big,
    says: /^HTTP\/1.1 400 [^]*parameter cid-version invalid/
  },
  {
    what: 'too many copies',
    query: 'replication-min=5&replication-max=5',
    body: big,
    says: /^HTTP\/1.1 500 [^]*not enough peers/
  },
  { what: 'shards that hold no block', query: 'shard=true&shard-size=1000', body: big, says: /shard size too small/ },
  {
    what: 'a name with a NUL',
    body: body({ name: 'd%2Fa%00b', data: 'x' }),
    says: /^HTTP\/1.1 400 [^]*cannot contain a NUL/
  },
  {
    what: 'a name that is not UTF-8',
    body: body({ name: 'd%2Fa%FF', data: 'x' }),
    says: /^HTTP\/1.1 400 [^]*a file name is not valid UTF-8: d%2Fa%FF/
  },
  {
    what: 'a link to a text that is not UTF-8',
    body: body({ name: 'l', type: 'application/symlink', data: Uint8Array.of(0x61, 0xff) }),
    says: /^HTTP\/1.1 400 [^]*target of a symbolic link is not valid UTF-8/
  },
  {
    what: 'a link to a text with a NUL',
    body: body({ name: 'l', type: 'application/symlink', data: 'a\0b' }),
    says: /^HTTP\/1.1 400 [^]*cannot contain a NUL/
  },
  {
    what: 'a link to an endless text',
    body: body({ name: 'l', type: 'application/symlink', data: 'x'.repeat(100_000) }),
    says: /target of a symbolic link is longer than 65536 bytes/
  },
  {
    what: 'an endless name',
    body: body({ name: 'x'.repeat(20_000), data: 'x' }),
    says: /header of a part is longer than/
  },
  {
    what: 'a file that is a folder too',
    body: body({ name: 'd%2Fa%2Fb', data: 'x' }, { name: 'd%2Fa', data: 'x' }),
    says: /directory already has entry by that name/
  },
  { what: 'a CAR file that is cut', query: 'format=car', body: carPart(car.subarray(0, -5)), says: /unexpected EOF/ },
  {
    what: 'a CAR file without blocks',
    query: 'format=car',
    body: carPart(car.subarray(0, HEADER_BYTES)),
    says: /car file has no blocks/
  },
  { what: 'no CAR file', query: 'format=car', body: carPart(Buffer.alloc(10_000, 1)), says: /^HTTP\/1.1 400 / },
  {
    what: 'a CAR file with a wrong block',
    query: 'format=car',
    body: carPart(flipped),
    says: /mismatch in content integrity/
  },
  {
    what: 'a folder instead of a CAR file',
    query: 'format=car',
    body: body({ name: 'd', type: 'application/x-directory', data: '' }),
    says: /expected CAR file is not of type file/
  }
]

describe('an add of what cannot be added', () => {
  let cluster: TestCluster
  let peer: TestPeer
  let process: PeerProcess
  let handles: number

  beforeAll(async () => {
    cluster = await TestCluster.create()
    peer = await cluster.peer('alone', newSecret())
    process = peer.start()
    await process.ready()
    await post({ what: '', body: body({ name: 'warm', data: 'warm' }), query: 'no-pin=true', says: / / })
    handles = await openHandles()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** Files and sockets that the process of the peer has open. */
  const openHandles = async (): Promise<number> => (await readdir(`/proc/${String(process.pid)}/fd`)).length

  const head = ({ query = '', type = TYPE, body: bytes, length = bytes.length }: Bad): string =>
    `POST /add?${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${length.toString()}\r\n\r\n`

  /** The whole answer, as it comes. */
  async function post(bad: Bad): Promise<string> {
    const socket = createConnection({ port: peer.restPort, host: '127.0.0.1' })
    // The peer may answer, and close, before it has all.
    socket.on('error', () => undefined)
    socket.write(head(bad))
    socket.write(bad.body)
    return await text(socket)
  }

  async function expectNothingLeft(): Promise<void> {
    expect(await peer.ctl('pin', 'ls')).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    // Connections of the client that asked last may still be closing.
    await eventually(openHandles, (now) => now <= handles + 1)
  }

  it.each(table)('is refused, and leaves nothing: $what', async (bad) => {
    expect(await post(bad)).toMatch(bad.says)
    await expectNothingLeft()
  })

  it.each([10, 1000, 500_000, 2_999_999])('whose client goes away after %d bytes leaves nothing', async (bytes) => {
    for (const query of ['', 'shard=true&shard-size=600000', 'local=true']) {
      const socket = createConnection({ port: peer.restPort, host: '127.0.0.1' })
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write(head({ what: '', query, body: big, says: / / }))
      await new Promise((resolve) => socket.write(big.subarray(0, bytes), resolve))
      socket.resetAndDestroy()
      await once(socket, 'close')
    }
    await expectNothingLeft()
  })

  it.each([
    ['..%2F..%2Fetc%2Fpasswd', 'etc/passwd'],
    ['%2Fetc%2Fpasswd', 'etc/passwd'],
    ['a%2F.%2F%2Fb', 'a/b']
  ])('of %s stays where it belongs', async (name, path) => {
    const part = body({ name, data: 'x' })
    const answer = await post({ what: '', query: 'no-pin=true&wrap-with-directory=true', body: part, says: / / })
    expect(answer).toContain(`"name":"${path}"`)
    await expectNothingLeft()
  })

  it('serves on', async () => {
    expect(await post({ what: '', body: body({ name: 'a', data: 'x' }), says: / / })).toMatch(/^HTTP\/1.1 200 /)
    expect((await peer.ctl('pin', 'ls')).stdout.match(/\| PIN \|/g)).toHaveLength(1)
  })
})
