import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { CrdtError, messageOf } from '../errors.ts'

/** A key that a delta adds. */
export interface DeltaElement {
  readonly key: string
  readonly value: Uint8Array
}

/** An addition that a delta takes back: that of `key` by block `id`. */
export interface DeltaTombstone {
  readonly key: string
  readonly id: string
}

/** One change of the store. Keys are as authored: clean them before use. */
export interface Delta {
  readonly elements: readonly DeltaElement[]
  readonly tombstones: readonly DeltaTombstone[]
  readonly priority: bigint
}

/**
 * Most elements and tombstones that are read from one block: far more than fit the blocks of any writer (1 MiB), and few
 * enough for the memory.
 */
const MAX_DELTA_ENTRIES = 262_144

const ELEMENTS = 1
const TOMBSTONES = 2
const PRIORITY = 3
const KEY = 1
const ID = 2
const VALUE = 3
const NO_BYTES = new Uint8Array()

/** The delta as protobuf, byte for byte as the Go peer writes it. @see spec/wire-crdt.md §2.4 */
export function encodeDelta(delta: Delta): Uint8Array {
  const writer = new BinaryWriter()
  for (const { key, value } of delta.elements) {
    writer.tag(ELEMENTS, WireType.LengthDelimited).fork()
    if (key !== '') writer.tag(KEY, WireType.LengthDelimited).string(key)
    if (value.length > 0) writer.tag(VALUE, WireType.LengthDelimited).bytes(value)
    writer.join()
  }
  for (const { key, id } of delta.tombstones) {
    writer.tag(TOMBSTONES, WireType.LengthDelimited).fork()
    if (key !== '') writer.tag(KEY, WireType.LengthDelimited).string(key)
    if (id !== '') writer.tag(ID, WireType.LengthDelimited).string(id)
    writer.join()
  }
  if (delta.priority > 0n) writer.tag(PRIORITY, WireType.Varint).uint64(delta.priority)
  return writer.finish()
}

/**
 * Reads a delta; unknown fields and the ids of elements are ignored.
 *
 * @throws CrdtError `ERR_CRDT_BAD_BLOCK`
 */
export function decodeDelta(bytes: Uint8Array): Delta {
  const elements: DeltaElement[] = []
  const tombstones: DeltaTombstone[] = []
  let priority = 0n
  try {
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      if (elements.length + tombstones.length > MAX_DELTA_ENTRIES) {
        throw new CrdtError('ERR_CRDT_BAD_BLOCK', `a delta has more than ${MAX_DELTA_ENTRIES} entries`, {
          reason: 'too-many-entries'
        })
      }
      const [field, type] = reader.tag()
      if (field === ELEMENTS && type === WireType.LengthDelimited) {
        const { key, value } = decodeElement(reader.bytes())
        elements.push({ key, value })
      } else if (field === TOMBSTONES && type === WireType.LengthDelimited) {
        const { key, id } = decodeElement(reader.bytes())
        tombstones.push({ key, id })
      } else if (field === PRIORITY && type === WireType.Varint) {
        priority = BigInt(reader.uint64())
      } else {
        reader.skip(type, field)
      }
    }
  } catch (cause) {
    if (cause instanceof CrdtError) throw cause
    throw new CrdtError('ERR_CRDT_BAD_BLOCK', `error getting delta: ${messageOf(cause)}`, {
      cause,
      reason: 'bad-delta'
    })
  }
  return { elements, tombstones, priority }
}

function decodeElement(bytes: Uint8Array): { key: string; id: string; value: Uint8Array } {
  const reader = new BinaryReader(bytes)
  let key = ''
  let id = ''
  let value: Uint8Array = NO_BYTES
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === KEY && type === WireType.LengthDelimited) key = reader.string(true)
    else if (field === ID && type === WireType.LengthDelimited) id = reader.string(true)
    else if (field === VALUE && type === WireType.LengthDelimited) value = reader.bytes()
    else reader.skip(type, field)
  }
  return { key, id, value }
}

/** Bytes that an element or tombstone adds to the protobuf of a delta. */
export function sizeInDelta(key: string, other: number): number {
  const keyBytes = Buffer.byteLength(key)
  const inner = field(keyBytes) + field(other)
  return 1 + lengthBytes(inner) + inner
}

function field(length: number): number {
  return length === 0 ? 0 : 1 + lengthBytes(length) + length
}

function lengthBytes(length: number): number {
  let bytes = 1
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1
  return bytes
}
