import { base32upper } from 'multiformats/bases/base32'

/** A block as the reference model reads it: by its own few lines, so that a fault in the engine's codecs shows. */
export interface ModelBlock {
  /** `/` and base32 of its multihash. */
  readonly id: string
  readonly links: readonly string[]
  readonly priority: number
  /** `place`: the key and the ID of this block, as one text. */
  readonly elements: readonly { readonly key: string; readonly value: string; readonly place: string }[]
  /** Places of additions that it takes back. */
  readonly tombstones: readonly string[]
}

interface Field {
  readonly number: number
  readonly bytes: Uint8Array
  readonly value: number
}

const MULTIHASH_BYTES = 34

/** Text with one character for each byte: compares as the bytes do. */
export function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The ID of a CID: its last 34 bytes are the multihash. */
export function idOfCid(cid: Uint8Array): string {
  return `/${base32upper.baseEncode(cid.subarray(cid.length - MULTIHASH_BYTES))}`
}

/** @see spec/wire-crdt.md §2.4, §2.5 */
export function readBlock(id: string, bytes: Uint8Array): ModelBlock {
  const links: string[] = []
  let delta: readonly Field[] = []
  for (const field of fields(bytes)) {
    if (field.number === 2) links.push(idOfCid(inner(field.bytes, 1)))
    else delta = [...fields(field.bytes)]
  }
  const elements: { key: string; value: string; place: string }[] = []
  const tombstones: string[] = []
  let priority = 0
  for (const field of delta) {
    if (field.number === 1) {
      const key = bytesText(inner(field.bytes, 1))
      elements.push({ key, value: bytesText(inner(field.bytes, 3)), place: key + id })
    } else if (field.number === 2) {
      tombstones.push(bytesText(inner(field.bytes, 1)) + bytesText(inner(field.bytes, 2)))
    } else priority = field.value
  }
  return { id, links, priority, elements, tombstones }
}

/** The heads of an announcement. @see spec/wire-crdt.md §2.3 */
export function readBroadcast(bytes: Uint8Array): string[] {
  return [...fields(bytes)].map((field) => idOfCid(inner(field.bytes, 1)))
}

function inner(bytes: Uint8Array, number: number): Uint8Array {
  for (const field of fields(bytes)) if (field.number === number) return field.bytes
  return new Uint8Array()
}

/** Protobuf with the two wire types that occur: varint and length-delimited. */
function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const value = varint()
    const isVarint = tag % 8 === 0
    yield { number: Math.floor(tag / 8), value, bytes: isVarint ? new Uint8Array() : bytes.subarray(at, at + value) }
    if (!isVarint) at += value
  }
}
