import { ClusterError, pinDepthToMode, PinType, type Pin, type Timestamp } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import type { Loose } from './form.ts'
import { compareUtf8 } from './json.ts'
import { ProtobufWriter, protobufFields, protobufText, zigzag, type ProtobufField } from './protobuf.ts'

const NANOS = 1_000_000_000n
/** The last enum value whose bit a number of 32 bits holds. */
const HIGHEST_TYPE = 30

/**
 * A pin as the state and the consensus logs store it. Not stored: mode (it follows from the depth), user allocations,
 * parts of seconds.
 *
 * @see wire-host-rpc.md §4.7
 */
export function pinToProtobuf(pin: Loose<Pin>): Uint8Array {
  const writer = new ProtobufWriter()
  if (pin.cid !== undefined) writer.length(1, pin.cid.bytes)
  const type = pinTypeToEnum(pin.type)
  if (type !== 0) writer.varint(2, type)
  for (const peer of pin.allocations ?? []) writer.length(3, peer.toMultihash().bytes)
  if (pin.maxDepth !== 0) writer.sint32(4, pin.maxDepth)
  if (pin.reference !== undefined) writer.length(5, pin.reference.bytes)
  writer.length(6, optionsToProtobuf(pin))
  writeSeconds(writer, 7, pin.timestamp)
  return writer.bytes()
}

/**
 * Reads a stored pin. What is absent or no CID in the CID fields is `undefined`; lists are never `undefined`.
 *
 * @throws ClusterError `CORRUPT` when the bytes are no message, or an allocation or origin is not valid
 * @see wire-host-rpc.md §4.7
 */
export function pinFromProtobuf(bytes: Uint8Array): Loose<Pin> {
  const pin = new PinReader()
  for (const field of protobufFields(bytes)) pin.take(field)
  return pin.done()
}

/** The protobuf enum of a pin type: the position of its highest bit. */
export function pinTypeToEnum(type: PinType): number {
  return type <= PinType.bad ? 0 : 31 - Math.clz32(type)
}

/** The pin type of a protobuf enum; `bad` for one that no number of 32 bits holds. */
export function pinTypeFromEnum(value: number): PinType {
  return value >= 0 && value <= HIGHEST_TYPE ? 1 << value : PinType.bad
}

function optionsToProtobuf(pin: Loose<Pin>): Uint8Array {
  const writer = new ProtobufWriter()
  if (pin.replicationFactorMin !== 0) writer.sint32(1, pin.replicationFactorMin)
  if (pin.replicationFactorMax !== 0) writer.sint32(2, pin.replicationFactorMax)
  if (pin.name !== '') writer.string(3, pin.name)
  if (pin.shardSize !== 0n) writer.varint(4, pin.shardSize)
  if (pin.pinUpdate !== undefined) writer.length(7, pin.pinUpdate.bytes)
  writeSeconds(writer, 8, pin.expireAt)
  for (const origin of pin.origins ?? []) writer.length(9, origin.bytes)
  for (const [key, value] of [...(pin.metadata ?? [])].sort(([a], [b]) => compareUtf8(a, b))) {
    const entry = new ProtobufWriter()
    if (key !== '') entry.string(1, key)
    if (value !== '') entry.string(2, value)
    writer.length(10, entry.bytes())
  }
  return writer.bytes()
}

function writeSeconds(writer: ProtobufWriter, field: number, time: Timestamp | undefined): void {
  if (time === undefined) return
  const part = time % NANOS
  const seconds = (time - part) / NANOS - (part < 0n ? 1n : 0n)
  if (seconds !== 0n) writer.varint(field, seconds)
}

/** Collects the fields of a pin. An options message that comes twice is merged, as protobuf wants it. */
class PinReader {
  #cid: CID | undefined
  #type: PinType = PinType.bad
  #maxDepth = 0
  #reference: CID | undefined
  #timestamp: Timestamp | undefined
  #replicationFactorMin = 0
  #replicationFactorMax = 0
  #name = ''
  #shardSize = 0n
  #pinUpdate: CID | undefined
  #expireAt: Timestamp | undefined
  readonly #allocations: PeerId[] = []
  readonly #origins: Multiaddr[] = []
  readonly #deprecatedMetadata: (readonly [string, string])[] = []
  readonly #metadata: (readonly [string, string])[] = []

  take(field: ProtobufField): void {
    if ('varint' in field) {
      if (field.number === 2) this.#type = pinTypeFromEnum(Number(BigInt.asIntN(32, field.varint)))
      else if (field.number === 4) this.#maxDepth = zigzag(field.varint)
      else if (field.number === 7) this.#timestamp = seconds(field.varint)
      return
    }
    if (field.number === 1) this.#cid = castCid(field.bytes)
    else if (field.number === 3) this.#allocations.push(valid('allocation', field.bytes, peerFromBytes))
    else if (field.number === 5) this.#reference = castCid(field.bytes)
    else if (field.number === 6) for (const option of protobufFields(field.bytes)) this.#takeOption(option)
  }

  done(): Loose<Pin> {
    const metadata = [...this.#deprecatedMetadata, ...this.#metadata]
    return {
      replicationFactorMin: this.#replicationFactorMin,
      replicationFactorMax: this.#replicationFactorMax,
      name: this.#name,
      mode: pinDepthToMode(this.#maxDepth),
      shardSize: this.#shardSize,
      userAllocations: undefined,
      expireAt: this.#expireAt,
      metadata: metadata.length === 0 ? undefined : new Map(metadata),
      pinUpdate: this.#pinUpdate,
      origins: this.#origins,
      cid: this.#cid,
      type: this.#type,
      allocations: this.#allocations,
      maxDepth: this.#maxDepth,
      reference: this.#reference,
      timestamp: this.#timestamp
    }
  }

  #takeOption(field: ProtobufField): void {
    if ('varint' in field) {
      if (field.number === 1) this.#replicationFactorMin = zigzag(field.varint)
      else if (field.number === 2) this.#replicationFactorMax = zigzag(field.varint)
      else if (field.number === 4) this.#shardSize = field.varint
      else if (field.number === 8) this.#expireAt = seconds(field.varint)
      return
    }
    if (field.number === 3) this.#name = protobufText(field.bytes)
    else if (field.number === 6) this.#deprecatedMetadata.push(entry(field.bytes))
    else if (field.number === 7) this.#pinUpdate = castCid(field.bytes)
    else if (field.number === 9) this.#origins.push(valid('origin', field.bytes, addressFromBytes))
    else if (field.number === 10) this.#metadata.push(entry(field.bytes))
  }
}

function entry(bytes: Uint8Array): readonly [string, string] {
  let key = ''
  let value = ''
  for (const field of protobufFields(bytes)) {
    if ('varint' in field) continue
    if (field.number === 1) key = protobufText(field.bytes)
    else if (field.number === 2) value = protobufText(field.bytes)
  }
  return [key, value]
}

/** Seconds before 1970 are stored as two's complement and come back as they were. */
function seconds(varint: bigint): Timestamp | undefined {
  return varint === 0n ? undefined : BigInt.asIntN(64, varint) * NANOS
}

function castCid(bytes: Uint8Array): CID | undefined {
  try {
    return CID.decode(bytes.slice())
  } catch {
    return undefined
  }
}

function peerFromBytes(bytes: Uint8Array): PeerId {
  return peerIdFromMultihash(decodeMultihash(bytes))
}

function addressFromBytes(bytes: Uint8Array): Multiaddr {
  if (bytes.length === 0) throw new Error('empty multiaddr')
  return multiaddr(bytes)
}

function valid<T>(what: string, bytes: Uint8Array, read: (bytes: Uint8Array) => T): T {
  try {
    return read(bytes.slice())
  } catch (error) {
    throw new ClusterError('CORRUPT', `${what} of a stored pin is not valid`, { cause: error })
  }
}
