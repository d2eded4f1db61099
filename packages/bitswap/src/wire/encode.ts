import { Uint8ArrayList } from 'uint8arraylist'
import type { OutgoingBlock, OutgoingEntry, OutgoingMessage, OutgoingPresence } from './message.ts'

/** Two halves of an int32 below zero as varint: ten bytes. */
const NEGATIVE_VARINT_BYTES = 10

/**
 * Writes a message as Go does: fields in ascending order, defaults left out, and always a want list, even when it is
 * empty (boxo before 0.33 crashes without one). Block data is not copied.
 *
 * @param prefixedBlocks - false for the protocols before 1.1.0: blocks go into field 2, presences and `pendingBytes`
 * are left out
 * @see bitswap.md §1.4
 */
export function encodeMessage(message: OutgoingMessage, prefixedBlocks = true): Uint8ArrayList {
  const { entries = [], blocks = [], full = false } = message
  const presences = prefixedBlocks ? (message.presences ?? []) : []
  const pendingBytes = prefixedBlocks ? (message.pendingBytes ?? 0) : 0
  const wantlistSize = entries.reduce((sum, entry) => sum + fieldSize(entrySize(entry)), full ? 2 : 0)
  const blocksSize = blocks.reduce((sum, block) => sum + blockHeadSize(block, prefixedBlocks), 0)
  const presencesSize = presences.reduce((sum, presence) => sum + fieldSize(presenceSize(presence)), 0)
  const pendingSize = pendingBytes === 0 ? 0 : 1 + varintSize(pendingBytes)
  const writer = new SmallFields(fieldSize(wantlistSize) + blocksSize + presencesSize + pendingSize)

  writer.tag(0x0a, wantlistSize)
  for (const entry of entries) writeEntry(writer, entry)
  if (full) writer.tag(0x10, 1)
  for (const block of blocks) {
    if (prefixedBlocks) {
      writer.tag(0x1a, fieldSize(block.prefix.length) + fieldSize(block.data.length))
      writer.bytes(0x0a, block.prefix)
    }
    writer.tag(0x12, block.data.length)
    writer.data(block.data)
  }
  for (const presence of presences) {
    writer.tag(0x22, presenceSize(presence))
    writer.bytes(0x0a, presence.cid)
    if (presence.type === 'dont-have') writer.tag(0x10, 1)
  }
  if (pendingBytes !== 0) writer.tag(0x28, pendingBytes)
  return writer.finish()
}

/** Bytes of an entry inside a want list, tag and length included. */
export function entryBytes(entry: OutgoingEntry): number {
  return fieldSize(entrySize(entry))
}

function writeEntry(writer: SmallFields, entry: OutgoingEntry): void {
  writer.tag(0x0a, entrySize(entry))
  writer.bytes(0x0a, entry.cid)
  if (entry.priority !== 0) writer.tag(0x10, entry.priority)
  if (entry.cancel) writer.tag(0x18, 1)
  if (entry.type === 'have') writer.tag(0x20, 1)
  if (entry.sendDontHave) writer.tag(0x28, 1)
}

function entrySize({ cid, priority, cancel, type, sendDontHave }: OutgoingEntry): number {
  const flags = Number(cancel) + Number(type === 'have') + Number(sendDontHave)
  return fieldSize(cid.length) + (priority === 0 ? 0 : 1 + varintSize(priority)) + 2 * flags
}

function presenceSize({ cid, type }: OutgoingPresence): number {
  return fieldSize(cid.length) + (type === 'dont-have' ? 2 : 0)
}

/** All bytes of a block field but the data. */
function blockHeadSize({ prefix, data }: OutgoingBlock, prefixedBlocks: boolean): number {
  const size = prefixedBlocks ? fieldSize(fieldSize(prefix.length) + fieldSize(data.length)) : fieldSize(data.length)
  return size - data.length
}

/** Tag of one byte, length, content. */
function fieldSize(contentLength: number): number {
  return 1 + varintSize(contentLength) + contentLength
}

function varintSize(value: number): number {
  if (value < 0) return NEGATIVE_VARINT_BYTES
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1
  return size
}

/** Writes the small fields into one buffer of the right size, and cuts it where block data belongs in between. */
class SmallFields {
  readonly #buffer: Uint8Array
  readonly #list = new Uint8ArrayList()
  #position = 0
  #cut = 0

  constructor(size: number) {
    this.#buffer = new Uint8Array(size)
  }

  /** A tag of one byte and a varint: an integer, or the length of what follows. */
  tag(tag: number, value: number): void {
    this.#buffer[this.#position++] = tag
    let rest = value < 0 ? value + 0x1_0000_0000 : value
    if (value < 0) {
      // Sign extension to 64 bits, which protobuf asks for: the upper 32 bits are ones.
      for (let index = 0; index < 4; index += 1, rest = Math.floor(rest / 0x80)) this.#byte((rest & 0x7f) | 0x80)
      this.#byte((rest & 0x0f) | 0xf0)
      for (let index = 5; index < 9; index += 1) this.#byte(0xff)
      this.#byte(1)
      return
    }
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80)
    this.#byte(rest)
  }

  bytes(tag: number, bytes: Uint8Array): void {
    this.tag(tag, bytes.length)
    this.#buffer.set(bytes, this.#position)
    this.#position += bytes.length
  }

  data(data: Uint8Array): void {
    this.#flush()
    if (data.length > 0) this.#list.append(data)
  }

  finish(): Uint8ArrayList {
    this.#flush()
    return this.#list
  }

  #byte(value: number): void {
    this.#buffer[this.#position++] = value
  }

  #flush(): void {
    if (this.#position > this.#cut) this.#list.append(this.#buffer.subarray(this.#cut, this.#position))
    this.#cut = this.#position
  }
}
