import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { CrdtError, messageOf } from '../../errors.ts'

/** Bytes of a sha2-256 digest, by which blocks are named here. */
export const DIGEST_BYTES = 32
/** Largest message: one block of the largest size, or one chunk of a snapshot, and what is around it. */
export const MAX_MESSAGE_BYTES = 6 * 1024 * 1024
/** Most heads in a greeting; a peer with more names the highest. */
export const MAX_HELLO_HEADS = 1000
/** Most blocks named in one question. */
export const MAX_ASKED_BLOCKS = 2048
/** Most entries in one page of the index. */
export const MAX_INDEX_ENTRIES = 4096
/** Most features in a greeting, and bytes of each text in it. */
const MAX_FEATURES = 32
const MAX_TEXT_BYTES = 64 * 1024

/** A head as a peer tells of it. */
export interface HelloHead {
  readonly digest: Uint8Array
  readonly height: bigint
}

/** What each side says first. */
export interface Hello {
  /** The topic of the cluster: peers of other clusters do not talk. */
  readonly topic: string
  readonly heads: readonly HelloHead[]
  /** Blocks merged, at least. */
  readonly processed: bigint
  /** What the peer offers: `index`, `blocks`, `snapshot`, `archive` (it has every block that it merged). */
  readonly features: readonly string[]
}

/** Which blocks there are, from the highest down. */
export interface IndexRequest {
  /** Begins at the highest of these that the other side has; none: at `before`, else at the top. */
  readonly below: readonly Uint8Array[]
  /** The last entry of the page before. */
  readonly before?: { readonly height: bigint; readonly digest: Uint8Array } | undefined
  /** Nothing below this height. */
  readonly fromHeight: bigint
  readonly limit: number
}

/** A block of the index. */
export interface IndexEntry {
  readonly height: bigint
  readonly size: number
  readonly digest: Uint8Array
}

/** Part of a snapshot. `data` is what `sha256` says, or it is not taken. */
export interface SnapshotChunk {
  readonly kind: SnapshotKind
  readonly data: Uint8Array
  readonly sha256: Uint8Array
  /** Where the next chunk begins; empty after the last. */
  readonly next: string
}

/**
 * `frame`: heads, processed marks and outstanding tombstones, as of one moment; `elements`: from a cursor on; `tops`: the
 * heads from which all is reached that is merged by then.
 */
export type SnapshotPart = 'frame' | 'elements' | 'tops'

/** What a chunk holds. */
export type SnapshotKind = 'heads' | 'processed' | 'tombstones' | 'elements'

/** One message, either way. */
export type CatchUpMessage =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'index'; readonly request: IndexRequest }
  | { readonly type: 'page'; readonly entries: readonly IndexEntry[]; readonly hasMore: boolean }
  | { readonly type: 'blocks'; readonly digests: readonly Uint8Array[] }
  | { readonly type: 'data'; readonly blocks: readonly Uint8Array[] }
  | { readonly type: 'snapshot'; readonly part: SnapshotPart; readonly cursor: string }
  | { readonly type: 'chunk'; readonly chunk: SnapshotChunk }
  /**
   * The end of an answer; `code` is empty, or why there is no (further) answer; `missing`: of the blocks asked for, those
   * that are not here. Each one is sent or missing, so that a question or an answer that was spoilt is found out.
   */
  | { readonly type: 'done'; readonly code: string; readonly missing: readonly Uint8Array[] }

const KINDS: readonly SnapshotKind[] = ['heads', 'processed', 'tombstones', 'elements']
const ENTRY_BYTES = 8 + 4 + DIGEST_BYTES
const FIELD = { hello: 1, index: 2, page: 3, blocks: 4, data: 5, snapshot: 6, chunk: 7, done: 8 } as const

/** The message as protobuf, without its length. @see spec/wire-crdt.md §7.3 P10 */
export function encodeMessage(message: CatchUpMessage): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(FIELD[message.type], WireType.LengthDelimited).fork()
  switch (message.type) {
    case 'hello':
      writeHello(writer, message.hello)
      break
    case 'index':
      writeIndexRequest(writer, message.request)
      break
    case 'page':
      bytes(writer, 1, packEntries(message.entries))
      if (message.hasMore) writer.tag(2, WireType.Varint).bool(true)
      break
    case 'blocks':
      bytes(writer, 1, packDigests(message.digests))
      break
    case 'data':
      for (const block of message.blocks) writer.tag(1, WireType.LengthDelimited).bytes(block)
      break
    case 'snapshot':
      if (message.part === 'elements') writer.tag(1, WireType.Varint).bool(true)
      text(writer, 2, message.cursor)
      if (message.part === 'tops') writer.tag(3, WireType.Varint).bool(true)
      break
    case 'chunk':
      writer.tag(1, WireType.Varint).uint32(KINDS.indexOf(message.chunk.kind))
      bytes(writer, 2, message.chunk.data)
      bytes(writer, 3, message.chunk.sha256)
      text(writer, 4, message.chunk.next)
      break
    case 'done':
      text(writer, 1, message.code)
      bytes(writer, 2, packDigests(message.missing))
      break
  }
  return writer.join().finish()
}

function writeHello(writer: BinaryWriter, { topic, heads, processed, features }: Hello): void {
  text(writer, 1, topic)
  for (const { digest, height } of heads) {
    writer.tag(2, WireType.LengthDelimited).fork()
    bytes(writer, 1, digest)
    if (height > 0n) writer.tag(2, WireType.Varint).uint64(height)
    writer.join()
  }
  if (processed > 0n) writer.tag(3, WireType.Varint).uint64(processed)
  for (const feature of features) writer.tag(4, WireType.LengthDelimited).string(feature)
}

function writeIndexRequest(writer: BinaryWriter, { below, before, fromHeight, limit }: IndexRequest): void {
  bytes(writer, 1, packDigests(below))
  if (before !== undefined) {
    writer.tag(2, WireType.Varint).uint64(before.height)
    bytes(writer, 3, before.digest)
  }
  if (fromHeight > 0n) writer.tag(4, WireType.Varint).uint64(fromHeight)
  if (limit > 0) writer.tag(5, WireType.Varint).uint32(limit)
}

function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== '') writer.tag(field, WireType.LengthDelimited).string(value)
}

function bytes(writer: BinaryWriter, field: number, value: Uint8Array): void {
  if (value.length > 0) writer.tag(field, WireType.LengthDelimited).bytes(value)
}

function packDigests(digests: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(digests.length * DIGEST_BYTES)
  digests.forEach((digest, index) => {
    packed.set(digest, index * DIGEST_BYTES)
  })
  return packed
}

function packEntries(entries: readonly IndexEntry[]): Uint8Array {
  const packed = new Uint8Array(entries.length * ENTRY_BYTES)
  const view = new DataView(packed.buffer)
  entries.forEach(({ height, size, digest }, index) => {
    const at = index * ENTRY_BYTES
    view.setBigUint64(at, height)
    view.setUint32(at + 8, size)
    packed.set(digest, at + 12)
  })
  return packed
}

/**
 * Reads a message. Fields that are not known are ignored.
 *
 * @throws CrdtError `ERR_CRDT_CATCH_UP`
 */
export function decodeMessage(data: Uint8Array): CatchUpMessage {
  try {
    const reader = new BinaryReader(data)
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag()
      const message = type === WireType.LengthDelimited ? decodeKnown(field, reader) : reader.skip(type, field)
      if (message !== undefined && 'type' in message) return message
    }
  } catch (cause) {
    throw malformed(messageOf(cause), cause)
  }
  throw malformed('no known message in it')
}

function decodeKnown(field: number, reader: BinaryReader): CatchUpMessage | undefined {
  const inner = reader.bytes()
  switch (field) {
    case FIELD.hello:
      return { type: 'hello', hello: readHello(inner) }
    case FIELD.index:
      return { type: 'index', request: readIndexRequest(inner) }
    case FIELD.page: {
      const fields = readFields(inner)
      return { type: 'page', entries: unpackEntries(fields.bytes(1)), hasMore: fields.number(2) !== 0n }
    }
    case FIELD.blocks:
      return { type: 'blocks', digests: unpackDigests(readFields(inner).bytes(1), MAX_ASKED_BLOCKS) }
    case FIELD.data:
      return { type: 'data', blocks: readFields(inner).all(1) }
    case FIELD.snapshot: {
      const fields = readFields(inner)
      const part = fields.number(1) !== 0n ? 'elements' : fields.number(3) !== 0n ? 'tops' : 'frame'
      return { type: 'snapshot', part, cursor: fields.text(2) }
    }
    case FIELD.chunk:
      return { type: 'chunk', chunk: readChunk(inner) }
    case FIELD.done: {
      const fields = readFields(inner)
      return { type: 'done', code: fields.text(1), missing: unpackDigests(fields.bytes(2), MAX_ASKED_BLOCKS) }
    }
    default:
      return undefined
  }
}

function readHello(data: Uint8Array): Hello {
  const fields = readFields(data)
  const heads = fields.all(2).map((head): HelloHead => {
    const inner = readFields(head)
    return { digest: checkedDigest(inner.bytes(1)), height: inner.number(2) }
  })
  const features = fields.all(4)
  if (heads.length > MAX_HELLO_HEADS) throw new Error(`${heads.length} heads`)
  if (features.length > MAX_FEATURES) throw new Error(`${features.length} features`)
  return { topic: fields.text(1), heads, processed: fields.number(3), features: features.map(asText) }
}

function readIndexRequest(data: Uint8Array): IndexRequest {
  const fields = readFields(data)
  const last = fields.bytes(3)
  return {
    below: unpackDigests(fields.bytes(1), MAX_ASKED_BLOCKS),
    before: last.length === 0 ? undefined : { height: fields.number(2), digest: checkedDigest(last) },
    fromHeight: fields.number(4),
    limit: Math.min(MAX_INDEX_ENTRIES, Number(fields.number(5)))
  }
}

function readChunk(data: Uint8Array): SnapshotChunk {
  const fields = readFields(data)
  const kind = KINDS[Number(fields.number(1))]
  if (kind === undefined) throw new Error('unknown kind of chunk')
  return { kind, data: fields.bytes(2), sha256: checkedDigest(fields.bytes(3)), next: fields.text(4) }
}

/** The fields of a small message; of a repeated one that should come once, the last counts. */
interface Fields {
  number(field: number): bigint
  bytes(field: number): Uint8Array
  text(field: number): string
  all(field: number): readonly Uint8Array[]
}

function readFields(data: Uint8Array): Fields {
  const numbers = new Map<number, bigint>()
  const texts = new Map<number, Uint8Array[]>()
  const reader = new BinaryReader(data)
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (type === WireType.Varint) numbers.set(field, BigInt(reader.uint64()))
    else if (type === WireType.LengthDelimited) {
      const found = texts.get(field)
      if (found === undefined) texts.set(field, [reader.bytes()])
      else found.push(reader.bytes())
    } else reader.skip(type, field)
  }
  const last = (field: number): Uint8Array => texts.get(field)?.at(-1) ?? new Uint8Array()
  return {
    number: (field) => numbers.get(field) ?? 0n,
    bytes: last,
    text: (field) => asText(last(field)),
    all: (field) => texts.get(field) ?? []
  }
}

function asText(data: Uint8Array): string {
  if (data.length > MAX_TEXT_BYTES) throw new Error(`a text of ${data.length} bytes`)
  return new TextDecoder('utf-8', { fatal: true }).decode(data)
}

function checkedDigest(data: Uint8Array): Uint8Array {
  if (data.length !== DIGEST_BYTES) throw new Error(`a digest of ${data.length} bytes`)
  return data
}

function unpackDigests(packed: Uint8Array, max: number): Uint8Array[] {
  if (packed.length % DIGEST_BYTES !== 0) throw new Error(`${packed.length} bytes of digests`)
  if (packed.length > max * DIGEST_BYTES) throw new Error(`${packed.length / DIGEST_BYTES} digests`)
  return Array.from({ length: packed.length / DIGEST_BYTES }, (_, index) =>
    packed.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
  )
}

function unpackEntries(packed: Uint8Array): IndexEntry[] {
  const count = packed.length / ENTRY_BYTES
  if (!Number.isInteger(count) || count > MAX_INDEX_ENTRIES) throw new Error(`${packed.length} bytes of index`)
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  return Array.from({ length: count }, (_, index) => {
    const at = index * ENTRY_BYTES
    return {
      height: view.getBigUint64(at),
      size: view.getUint32(at + 8),
      digest: packed.subarray(at + 12, at + ENTRY_BYTES)
    }
  })
}

function malformed(why: string, cause?: unknown): CrdtError {
  return new CrdtError('ERR_CRDT_CATCH_UP', `a message of the catch-up protocol cannot be read: ${why}`, { cause })
}
