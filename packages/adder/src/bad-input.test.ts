import { DEFAULT_ADD_PARAMS, isClusterError, type AddParams, type AddTarget, type FileEntry } from '@cluster/api'
import { ManualClock, MemoryAddTarget, settle, testPeerId } from '@cluster/testing'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, it } from 'vitest'
import { createAdder } from './index.ts'
import { casesOf } from './vectors.fixture.ts'

const car = Buffer.from(
  (await casesOf('car.json')).find(({ name }) => name === 'car-v1-unixfs-dir')?.bodyHex ?? '',
  'hex'
)
const cidBytes = (await sha256.digest(Buffer.from('x'))).bytes
const peers = [testPeerId(1), testPeerId(2), testPeerId(3)]

/** Counts what is open: contents, lists of entries, block streams. */
class Watched {
  open = 0
  readonly clock = new ManualClock()
  readonly memory: MemoryAddTarget
  /** Takes back what is unpinned, and counts streams. */
  readonly target: AddTarget

  constructor(init: ConstructorParameters<typeof MemoryAddTarget>[0] = {}) {
    const memory = new MemoryAddTarget({ allocations: peers, ...init })
    this.memory = memory
    const watched = this.watched.bind(this)
    this.target = {
      self: memory.self,
      blockAllocate: (pin) => memory.blockAllocate(pin),
      pin: (pin) => memory.pin(pin),
      getPin: (cid) => memory.getPin(cid),
      unpin: (cid) => memory.unpin(cid),
      blockStream: (peer, blocks, options) => watched(() => memory.blockStream(peer, blocks, options))
    }
  }

  /** What is pinned and was not unpinned. */
  get left(): string[] {
    const gone = new Set(this.memory.unpinned.map(String))
    return this.memory.pinned.map(({ cid }) => cid.toString()).filter((cid) => !gone.has(cid))
  }

  async watched<T>(work: () => Promise<T>): Promise<T> {
    this.open++
    try {
      return await work()
    } finally {
      this.open--
    }
  }

  async *content(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.open++
    try {
      await Promise.resolve()
      yield* parts
    } finally {
      this.open--
    }
  }

  async *entries(entries: Iterable<FileEntry>): AsyncGenerator<FileEntry> {
    this.open++
    try {
      await Promise.resolve()
      yield* entries
    } finally {
      this.open--
    }
  }

  /** Adds, and gives the error as `CODE message`, or the root. Nothing may be open then. */
  async add(entries: Iterable<FileEntry>, params: Partial<AddParams> = {}, signal?: AbortSignal): Promise<string> {
    const options = signal === undefined ? {} : { signal }
    const all = { ...DEFAULT_ADD_PARAMS, ...params }
    const adding = createAdder({ clock: this.clock }).add(this.entries(entries), all, this.target, options)
    let outcome: string
    try {
      let step = await adding.next()
      while (step.done !== true) step = await adding.next()
      outcome = step.value.toString()
    } catch (error) {
      outcome = isClusterError(error) ? `${error.code} ${error.message}` : `no error of ours: ${String(error)}`
      expect(this.left).toEqual([])
    }
    await settle()
    expect({ open: this.open, timers: this.clock.pending }).toEqual({ open: 0, timers: 0 })
    return outcome
  }

  addCar(bytes: Uint8Array): Promise<string> {
    return this.add([{ type: 'file', path: 't.car', content: this.content([bytes]) }], { format: 'car' })
  }
}

function* failing(parts: number, bytes = 100_000): Generator<Uint8Array> {
  for (let part = 0; part < parts; part++) yield new Uint8Array(bytes).fill(part)
  throw new Error('the disk is gone')
}

const file = (watched: Watched, path: string, ...texts: readonly string[]): FileEntry => ({
  type: 'file',
  path,
  content: watched.content(texts.map((text) => Buffer.from(text)))
})

/** Where each section of the file ends. */
function sectionEnds(bytes: Buffer): number[] {
  const ends: number[] = []
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0
    const length = first < 0x80 ? first : (first & 0x7f) | ((bytes[at + 1] ?? 0) << 7)
    at += length + (first < 0x80 ? 1 : 2)
    ends.push(at)
  }
  return ends
}

/** A CAR file of version 2 around another, that says what it likes. */
function carV2(inner: Uint8Array, says: { offset?: bigint; size?: bigint } = {}): Buffer {
  const pragma = Buffer.from('0aa16776657273696f6e02', 'hex')
  const header = Buffer.alloc(40)
  header.writeBigUInt64LE(says.offset ?? 51n, 16)
  header.writeBigUInt64LE(says.size ?? BigInt(inner.length), 24)
  return Buffer.concat([pragma, header, inner])
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (; value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(value)])
}

describe('a CAR file that is broken', () => {
  const ends = sectionEnds(car)
  const [headerEnd = 0] = ends

  it('is whole, to begin with', async () => {
    expect(ends.at(-1)).toBe(car.length)
    expect(await new Watched().addCar(car)).toBe('QmQJysHFEVpAW5QUG2b4fcZhsi7mwpTHRoZiyX7FsZVN4S')
    expect(await new Watched().addCar(carV2(car))).toBe('QmQJysHFEVpAW5QUG2b4fcZhsi7mwpTHRoZiyX7FsZVN4S')
  })

  it('is refused wherever it is cut, but between blocks', async () => {
    for (let length = 0; length < car.length; length++) {
      const outcome = await new Watched().addCar(car.subarray(0, length))
      if (length === 0) expect(outcome).toBe('BAD_REQUEST EOF')
      else if (length === headerEnd) expect(outcome).toBe('BAD_REQUEST car file has no blocks')
      // Nobody can tell it from a file with fewer blocks, which is allowed: the root need not be in it.
      else if (ends.includes(length)) expect(outcome).toMatch(/^Qm/)
      else expect(`${length.toString()}: ${outcome}`).toBe(`${length.toString()}: BAD_REQUEST unexpected EOF`)
    }
  })

  it('of version 2 is refused wherever it is cut', async () => {
    const whole = carV2(car)
    for (let length = 0; length < whole.length; length++) {
      const outcome = await new Watched().addCar(whole.subarray(0, length))
      if (ends.slice(1).includes(length - 51)) continue
      expect(`${length.toString()}: ${outcome}`).toMatch(
        /^\d+: BAD_REQUEST (EOF|unexpected EOF|car file has no blocks)$/
      )
    }
  })

  it('is refused when any byte of a block is another', async () => {
    for (let at = headerEnd; at < car.length; at++) {
      const bytes = Buffer.from(car)
      bytes[at] = (bytes[at] ?? 0) ^ 0x01
      const outcome = await new Watched().addCar(bytes)
      expect(`${at.toString()}: ${outcome}`).toMatch(/^\d+: (BAD_REQUEST|LIMIT) ./)
    }
  })

  it('that is not broken goes through as it is, also where names in its folders are not UTF-8', async () => {
    const header = car.subarray(0, headerEnd)
    const link = Buffer.concat([Buffer.from([0x0a, cidBytes.length]), cidBytes, Buffer.from([0x12, 0x02, 0x61, 0xff])])
    const folder = Buffer.concat([Buffer.from([0x12, link.length]), link, Buffer.from('0a020801', 'hex')])
    const cid = (await sha256.digest(folder)).bytes
    const watched = new Watched()
    const bytes = Buffer.concat([header, varint(BigInt(cid.length + folder.length)), cid, folder])
    expect(await watched.addCar(bytes)).toMatch(/^Qm/)
    expect(watched.memory.blocksOf(testPeerId(1)).map(({ data }) => Buffer.from(data))).toEqual([folder])
  })

  const sections: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['a block above the limit', Buffer.concat([varint(5_000_000n), Buffer.alloc(5_000_000)]), /^(LIMIT|BAD_REQUEST)/],
    ['a block above the limit that does not come', varint(4_194_304n + 35n), /^(LIMIT|BAD_REQUEST)/],
    ['a block of 4 EiB', varint(1n << 62n), /^(LIMIT|BAD_REQUEST)/],
    ['a length without an end', Buffer.alloc(12, 0xff), /^BAD_REQUEST/],
    [
      'a section that is shorter than its CID',
      Buffer.concat([Buffer.from([10]), cidBytes]),
      /^BAD_REQUEST invalid CAR: a section is shorter than its CID$/
    ],
    ['no CID', Buffer.concat([Buffer.from([40]), Buffer.alloc(40, 0x7f)]), /^BAD_REQUEST/],
    [
      'the wrong content',
      Buffer.concat([Buffer.from([35]), cidBytes, Buffer.from('y')]),
      /^BAD_REQUEST mismatch in content integrity, name: Qm\w+, data: Qm\w+$/
    ]
  ]
  it.each(sections)('is refused for %s', async (_, section, wanted) => {
    const watched = new Watched()
    expect(await watched.addCar(Buffer.concat([car, section]))).toMatch(wanted)
    expect(await new Watched().addCar(Buffer.concat([car.subarray(0, headerEnd), section]))).toMatch(wanted)
  })

  it.each([
    ['data behind its end', { offset: 10_000n }],
    ['data in its own header', { offset: 20n }],
    ['data at no place at all', { offset: 1n << 63n }],
    ['data that is longer than the file', { size: 100_000n }],
    ['data that ends inside a block', { size: BigInt(car.length - 1) }],
    ['data that ends in the header', { size: 5n }],
    ['no data', { size: 0n }],
    ['endless data', { size: (1n << 64n) - 1n }]
  ])('is refused or taken whole when its header says: %s', async (_, says) => {
    const outcome = await new Watched().addCar(carV2(car, says))
    expect(outcome).toMatch(/^BAD_REQUEST|^LIMIT|^QmQJysHFEVpAW5QUG2b4fcZhsi7mwpTHRoZiyX7FsZVN4S$/)
  })

  it('reads no more memory than it was given', async () => {
    const before = process.memoryUsage()
    for (let round = 0; round < 200; round++) {
      await new Watched().addCar(Buffer.concat([car.subarray(0, headerEnd), varint(4_194_304n)]))
    }
    const { arrayBuffers } = process.memoryUsage()
    expect(arrayBuffers - before.arrayBuffers).toBeLessThan(200 * 1_000_000)
  })
})

describe('a source that fails half-way', () => {
  it.each<[string, Partial<AddParams>]>([
    ['as a whole', {}],
    ['of a trickle', { layout: 'trickle' }],
    ['cut by rabin', { chunker: 'rabin' }],
    ['cut by buzhash', { chunker: 'buzhash' }],
    ['in shards', { shard: true, shardSize: 300_000n }],
    ['with progress', { progress: true }]
  ])('pins nothing: %s', async (_, params) => {
    const watched = new Watched()
    const entries: FileEntry[] = [
      { type: 'directory', path: 'd' },
      file(watched, 'd/a', 'whole'),
      { type: 'file', path: 'd/b', content: watched.content(failing(20)) }
    ]
    expect(await watched.add(entries, params)).toBe('ADD_FAILED the disk is gone')
    if (params.shard === true) expect(watched.memory.unpinned.length).toBeGreaterThan(0)
  })

  it('as a CAR file pins nothing', async () => {
    const watched = new Watched()
    function* content(): Generator<Uint8Array> {
      yield car.subarray(0, car.length - 10)
      throw new Error('the disk is gone')
    }
    const entry: FileEntry = { type: 'file', path: 't.car', content: watched.content(content()) }
    expect(await watched.add([entry], { format: 'car' })).toBe('ADD_FAILED the disk is gone')
  })

  it('pins nothing when the list of entries fails', async () => {
    const watched = new Watched()
    function* entries(): Generator<FileEntry> {
      yield { type: 'directory', path: 'd' }
      yield file(watched, 'd/a', 'whole')
      throw new Error('the disk is gone')
    }
    expect(await watched.add(entries())).toBe('ADD_FAILED the disk is gone')
  })
})

describe('names', () => {
  it.each([
    ['../../etc/passwd', 'etc/passwd'],
    ['/etc/passwd', 'etc/passwd'],
    ['d/../../../x', 'x'],
    ['./a//b/.', 'a/b']
  ])('%s stays where it belongs', async (path, name) => {
    const watched = new Watched()
    const adding = createAdder({ clock: watched.clock }).add(
      watched.entries([file(watched, path, 'x')]),
      { ...DEFAULT_ADD_PARAMS, wrapWithDirectory: true },
      watched.target,
      {}
    )
    expect((await adding.next()).value).toMatchObject({ name })
    await adding.return(undefined as never)
    await settle()
    expect(watched.open).toBe(0)
  })

  it.each<[string, readonly FileEntry['path'][], RegExp]>([
    ['with a NUL', ['d/a\0b'], /^BAD_REQUEST a name cannot contain a NUL: "d\/a\\u0000b"$/],
    ['that are no Unicode', ['d/\ud800'], /^BAD_REQUEST a name is no valid Unicode: "d\/\\ud800"$/],
    ['of endless length', [`d/${'x'.repeat(70_000)}`], /^LIMIT path is longer than 65536 bytes/],
    ['of a file and a folder at once', ['d/a', 'd/a/b'], /^BAD_REQUEST /],
    ['of a folder and a file at once', ['d/a/b', 'd/a'], /^BAD_REQUEST directory already has entry by that name$/]
  ])('%s are refused', async (_, paths, wanted) => {
    const watched = new Watched()
    expect(await watched.add(paths.map((path) => file(watched, path, 'x')))).toMatch(wanted)
  })

  it('of links are held to the same', async () => {
    const target = (text: string): FileEntry => ({ type: 'symlink', path: 'link', target: text })
    expect(await new Watched().add([target('a\0b')])).toMatch(
      /^BAD_REQUEST a target of a symbolic link cannot contain a NUL/
    )
    expect(await new Watched().add([target('\udc00')])).toMatch(/^BAD_REQUEST /)
    expect(await new Watched().add([target('x'.repeat(70_000))])).toMatch(/^LIMIT /)
  })
})

describe('an add that is given up', () => {
  const sizes = [0, 1, 3, 8]
  it.each(sizes)('leaves nothing, after %d parts', async (parts) => {
    for (const shard of [false, true]) {
      const watched = new Watched()
      const abort = new AbortController()
      function* content(): Generator<Uint8Array> {
        for (let part = 0; part < 12; part++) {
          if (part === parts) abort.abort()
          yield new Uint8Array(100_000).fill(part)
        }
      }
      const entry: FileEntry = { type: 'file', path: 'f', content: watched.content(content()) }
      const params = { chunker: 'size-50000', shard, shardSize: 200_000n }
      expect(await watched.add([entry], params, abort.signal)).toBe('ABORTED the add was aborted')
    }
  })

  it('leaves nothing, before it began', async () => {
    const watched = new Watched()
    expect(await watched.add([file(watched, 'f', 'x')], {}, AbortSignal.abort())).toBe('ABORTED the add was aborted')
    expect(watched.memory.streams).toBe(0)
  })
})

describe('a destination that dies', () => {
  it.each([
    ['one of three', 1, /^Qm/],
    ['all but one', 2, /^Qm/],
    ['all', 3, /^ADD_FAILED failed to put block on all destinations$/]
  ])('%s', async (_, dying, wanted) => {
    for (const after of [0, 1, 5, 11]) {
      const seen = new Map<string, number>()
      const watched = new Watched({
        onBlock: (peer) => {
          const count = seen.get(peer.toString()) ?? 0
          seen.set(peer.toString(), count + 1)
          if (peers.indexOf(peer) < dying && count === after) throw new Error('connection reset')
        }
      })
      const content = Array.from({ length: 12 }, (__, part) => new Uint8Array(50_000).fill(part))
      const entry: FileEntry = { type: 'file', path: 'f', content: watched.content(content) }
      expect(await watched.add([entry], { chunker: 'size-50000' })).toMatch(wanted)
      if (dying < 3) expect(watched.left).toHaveLength(1)
    }
  })
})
