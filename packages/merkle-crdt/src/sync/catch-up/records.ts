import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { CrdtError, messageOf } from '../../errors.ts'
import type { Candidate } from '../../store/element-entry.ts'
import type { Head } from '../../store/heads.ts'
import { digestOfId } from './digest.ts'
import { DIGEST_BYTES, type HelloHead } from './message.ts'

/** One addition of a key that was not taken back. */
export interface SnapshotElement extends Candidate {
  /** Of the block that made it. */
  readonly digest: Uint8Array
}

/** A key of the set. */
export interface SnapshotRecord {
  readonly key: string
  readonly elements: readonly SnapshotElement[]
  /** What is visible: the best of the elements, something else, or nothing. The last two come of the quirks of §2.7. */
  readonly visible: 'best' | 'none' | Candidate
}

/** A tombstone of an addition whose block was not merged. */
export interface OutstandingTombstone {
  readonly key: string
  readonly digest: Uint8Array
}

const BEST = 0
const NONE = 1
const OTHER = 2
const EMPTY = new Uint8Array()

/** Records one after the other; decoded by {@link decodeRecords}. */
export class RecordWriter {
  #writer = new BinaryWriter()
  #bytes = 0

  /** About how many bytes there are. */
  get bytes(): number {
    return this.#bytes
  }

  add({ key, elements, visible }: SnapshotRecord): void {
    const writer = this.#writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(key)
    this.#bytes += key.length + 16
    for (const { digest, priority, value } of elements) {
      writer.tag(2, WireType.LengthDelimited).fork()
      writer.tag(1, WireType.LengthDelimited).bytes(digest)
      writer.tag(2, WireType.Varint).uint64(priority)
      writer.tag(3, WireType.LengthDelimited).bytes(value)
      writer.join()
      this.#bytes += DIGEST_BYTES + 16 + value.length
    }
    if (visible === 'none') writer.tag(3, WireType.Varint).uint32(NONE)
    else if (visible !== 'best') {
      writer.tag(3, WireType.Varint).uint32(OTHER)
      writer.tag(4, WireType.Varint).uint64(visible.priority)
      writer.tag(5, WireType.LengthDelimited).bytes(visible.value)
      this.#bytes += visible.value.length + 16
    }
    writer.join()
  }

  addTombstone({ key, digest }: OutstandingTombstone): void {
    const writer = this.#writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(key)
    writer.tag(2, WireType.LengthDelimited).bytes(digest)
    writer.join()
    this.#bytes += key.length + DIGEST_BYTES + 8
  }

  addHead({ digest, height }: HelloHead): void {
    const writer = this.#writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).bytes(digest)
    writer.tag(2, WireType.Varint).uint64(height)
    writer.join()
    this.#bytes += DIGEST_BYTES + 16
  }

  finish(): Uint8Array {
    const bytes = this.#writer.finish()
    this.#writer = new BinaryWriter()
    this.#bytes = 0
    return bytes
  }
}

/** @throws CrdtError `ERR_CRDT_CATCH_UP`, when it comes to the record that cannot be read */
export function* decodeRecords(data: Uint8Array): Generator<SnapshotRecord> {
  yield* decodeEach(data, (bytes) => {
    let key = ''
    let visible = BEST
    let other: { priority: bigint; value: Uint8Array } = { priority: 0n, value: EMPTY }
    const elements: SnapshotElement[] = []
    eachField(bytes, (field, reader, type) => {
      if (field === 1 && type === WireType.LengthDelimited) key = reader.string(true)
      else if (field === 2 && type === WireType.LengthDelimited) elements.push(decodeElement(reader.bytes()))
      else if (field === 3 && type === WireType.Varint) visible = reader.uint32()
      else if (field === 4 && type === WireType.Varint) other = { ...other, priority: BigInt(reader.uint64()) }
      else if (field === 5 && type === WireType.LengthDelimited) other = { ...other, value: reader.bytes() }
      else reader.skip(type, field)
    })
    if (!key.startsWith('/') || elements.length === 0 || visible > OTHER) throw new Error('a record without content')
    return { key, elements, visible: visible === BEST ? 'best' : visible === NONE ? 'none' : other }
  })
}

function decodeElement(bytes: Uint8Array): SnapshotElement {
  let digest: Uint8Array = EMPTY
  let value: Uint8Array = EMPTY
  let priority = 0n
  eachField(bytes, (field, reader, type) => {
    if (field === 1 && type === WireType.LengthDelimited) digest = reader.bytes()
    else if (field === 2 && type === WireType.Varint) priority = BigInt(reader.uint64())
    else if (field === 3 && type === WireType.LengthDelimited) value = reader.bytes()
    else reader.skip(type, field)
  })
  return { digest: checked(digest), priority, value }
}

/** @throws CrdtError `ERR_CRDT_CATCH_UP` */
export function* decodeTombstones(data: Uint8Array): Generator<OutstandingTombstone> {
  yield* decodeEach(data, (bytes) => {
    let key = ''
    let digest: Uint8Array = EMPTY
    eachField(bytes, (field, reader, type) => {
      if (field === 1 && type === WireType.LengthDelimited) key = reader.string(true)
      else if (field === 2 && type === WireType.LengthDelimited) digest = reader.bytes()
      else reader.skip(type, field)
    })
    if (!key.startsWith('/')) throw new Error('a tombstone without a key')
    return { key, digest: checked(digest) }
  })
}

export function encodeHeads(heads: Iterable<Pick<Head, 'id' | 'height'>>): Uint8Array {
  const writer = new RecordWriter()
  for (const { id, height } of heads) {
    const digest = digestOfId(id)
    if (digest !== undefined) writer.addHead({ digest, height })
  }
  return writer.finish()
}

/** @throws CrdtError `ERR_CRDT_CATCH_UP` */
export function* decodeHeads(data: Uint8Array): Generator<HelloHead> {
  yield* decodeEach(data, (bytes) => {
    let digest: Uint8Array = EMPTY
    let height = 0n
    eachField(bytes, (field, reader, type) => {
      if (field === 1 && type === WireType.LengthDelimited) digest = reader.bytes()
      else if (field === 2 && type === WireType.Varint) height = BigInt(reader.uint64())
      else reader.skip(type, field)
    })
    return { digest: checked(digest), height }
  })
}

function* decodeEach<T>(data: Uint8Array, decode: (bytes: Uint8Array) => T): Generator<T> {
  const reader = new BinaryReader(data)
  while (reader.pos < reader.len) {
    let item: T
    try {
      const [field, type] = reader.tag()
      if (field !== 1 || type !== WireType.LengthDelimited) throw new Error('an unknown entry')
      item = decode(reader.bytes())
    } catch (cause) {
      const text = `an entry of the snapshot cannot be read: ${messageOf(cause)}`
      throw new CrdtError('ERR_CRDT_CATCH_UP', text, { cause })
    }
    yield item
  }
}

function eachField(bytes: Uint8Array, take: (field: number, reader: BinaryReader, type: WireType) => void): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    take(field, reader, type)
  }
}

function checked(digest: Uint8Array): Uint8Array {
  if (digest.length !== DIGEST_BYTES) throw new Error(`a digest of ${digest.length} bytes`)
  return digest
}
