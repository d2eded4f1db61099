import {
  ClusterError,
  formatTimestamp,
  ipfsPinStatusFromString,
  ipfsPinStatusToString,
  parseTimestamp,
  pinModeFromString,
  pinModeToString,
  pinTypeFromString,
  pinTypeToString,
  timestampOffset,
  trackerStatusFromString,
  trackerStatusToString,
  type Timestamp
} from '@cluster/api'
import * as msgpack from '@cluster/msgpack'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromCID, peerIdFromMultihash, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { base64pad } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { wrongType, type Form } from './form.ts'
import { quote } from './json.ts'

const FIRST_TIME = -62_167_219_200_000_000_000n
const LAST_TIME = 253_402_300_799_000_000_000n
const DAY = 86_400_000_000_000n

/** Go's int for values that fit a number: factors, depths, counts. */
export const int: Form<number> = numberForm(msgpack.int, (value) => {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (!Number.isSafeInteger(number)) throw new ClusterError('CORRUPT', `not a safe integer: ${value.toString()}`)
  return number
})

/** Go's int64, exact. */
export const int64: Form<bigint> = numberForm(msgpack.int64, (value) =>
  exact(value, (integer) => BigInt.asIntN(64, integer))
)

/** Go's uint64, exact. */
export const uint64: Form<bigint> = numberForm(msgpack.uint64, (value) =>
  exact(value, (integer) => BigInt.asUintN(64, integer))
)

/** Go's float64. */
export const float64: Form<number> = numberForm(msgpack.float64, Number)

/** Go's string. */
export const string: Form<string> = {
  msgpack: msgpack.string,
  json: {
    print: quote,
    read: (json) => {
      if (json === null || json === undefined) return ''
      if (typeof json !== 'string') throw wrongType('a string', json)
      return json
    },
    isEmpty: (value) => value === '',
    zero: () => ''
  }
}

/** Go's bool. */
export const bool: Form<boolean> = {
  msgpack: msgpack.bool,
  json: {
    print: String,
    read: (json) => {
      if (json === null || json === undefined) return false
      if (typeof json !== 'boolean') throw wrongType('a boolean', json)
      return json
    },
    isEmpty: (value) => !value,
    zero: () => false
  }
}

/** Go's `[]byte`: base64 in JSON. */
export const bytes: Form<Uint8Array | undefined> = textual(
  msgpack.bytes,
  (text) => base64pad.baseDecode(text),
  (value) => quote(base64pad.baseEncode(value))
)

/** A CID; null when undefined, and never left out of JSON. */
export const cid: Form<CID | undefined> = textual(
  msgpack.binary(
    (value) => CID.decode(value),
    (value) => value.bytes
  ),
  (text) => CID.parse(text),
  (value) => quote(value.toString()),
  { isEmpty: () => false }
)

/** A peer ID: base58 in JSON, where the empty text is the empty peer ID. */
export const peer: Form<PeerId | undefined> = textual(
  msgpack.binary(
    (value) => peerIdFromMultihash(decodeMultihash(value)),
    (value) => value.toMultihash().bytes
  ),
  (text) => (text === '' ? undefined : peerIdFromText(text)),
  (value) => quote(value.toString()),
  { ofNothing: '""' }
)

/** A multiaddress. */
export const address: Form<Multiaddr | undefined> = textual(
  msgpack.binary(addressFromBytes, (value) => value.bytes),
  (text) => multiaddr(text),
  (value) => quote(value.toString()),
  { ofNothing: '""' }
)

/** An instant; the zero time is printed, never left out of JSON. */
export const time: Form<Timestamp | undefined> = zoned(
  textual(msgpack.time, parseTimestamp, (value, offsetMinutes) => quote(printTime(value, offsetMinutes)), {
    ofNothing: quote(formatTimestamp(undefined)),
    isEmpty: () => false
  })
)

/** An instant that is left out of JSON where there is none: only of types that Go has not. */
export const timeOrNone: Form<Timestamp | undefined> = {
  ...time,
  json: { ...time.json, isEmpty: (value) => value === undefined }
}

/** {@link TrackerStatus}: a number in msgpack, names in JSON; likewise the other three. */
export const trackerStatus: Form<number> = named(msgpack.int, trackerStatusFromString, trackerStatusToString)
/** {@link PinType}, an unsigned integer. */
export const pinType: Form<number> = named(msgpack.uint, pinTypeFromString, pinTypeToString)
/** {@link PinMode} */
export const pinMode: Form<number> = named(msgpack.int, pinModeFromString, pinModeToString)
/** {@link IPFSPinStatus} */
export const ipfsPinStatus: Form<number> = named(msgpack.int, ipfsPinStatusFromString, ipfsPinStatusToString)

/**
 * An instant as RFC 3339, which has the years 0 to 9999: what lies outside, as other peers may send it, prints as the
 * first or last second of them.
 */
export function printTime(value: Timestamp, offsetMinutes = 0): string {
  // In another offset, the last hours of that span may lie outside as well.
  if (value < FIRST_TIME) return formatTimestamp(FIRST_TIME)
  if (value > LAST_TIME) return formatTimestamp(LAST_TIME)
  const isInside = value > FIRST_TIME + DAY && value < LAST_TIME - DAY
  return formatTimestamp(value, isInside ? offsetMinutes : 0)
}

/**
 * Reads the text of a peer ID: base58 (`12D3Koo…`, `Qm…`) or a CID of a libp2p key.
 *
 * @throws an error of the library when it is neither
 */
export function peerIdFromText(text: string): PeerId {
  return text.startsWith('1') || text.startsWith('Qm') ? peerIdFromString(text) : peerIdFromCID(CID.parse(text))
}

function addressFromBytes(value: Uint8Array): Multiaddr {
  // The library takes no bytes for the address "/", which Go refuses.
  if (value.length === 0) throw new Error('empty multiaddr')
  return multiaddr(value)
}

function numberForm<T extends number | bigint>(
  codec: msgpack.Codec<T>,
  convert: (value: number | bigint) => T
): Form<T> {
  return {
    msgpack: codec,
    json: {
      print: String,
      read: (json) => {
        if (json === null || json === undefined) return codec.zero()
        if (typeof json !== 'number' && typeof json !== 'bigint') throw wrongType('a number', json)
        return convert(json)
      },
      isEmpty: (value) => value === codec.zero(),
      zero: codec.zero
    }
  }
}

function exact(value: number | bigint, wrap: (integer: bigint) => bigint): bigint {
  // A number beyond 2^53 has lost digits before it came here.
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new ClusterError('CORRUPT', `not an exact integer: ${value}`)
  }
  const integer = BigInt(value)
  if (wrap(integer) !== integer) throw new ClusterError('CORRUPT', `integer out of range: ${integer.toString()}`)
  return integer
}

function named(
  codec: msgpack.Codec<number>,
  fromString: (text: string) => number,
  toString: (value: number) => string
): Form<number> {
  return {
    msgpack: codec,
    json: {
      print: (value) => quote(toString(value)),
      read: (json) => {
        if (json === null || json === undefined) return 0
        if (typeof json !== 'string') throw wrongType('a string', json)
        return fromString(json)
      },
      isEmpty: (value) => value === 0,
      zero: () => 0
    }
  }
}

/** A type of times: it can tell the offset of a text. */
function zoned<T>(form: Form<T>): Form<T> {
  return { ...form, json: { ...form.json, offset: (json) => (typeof json === 'string' ? timestampOffset(json) : 0) } }
}

interface TextualOptions {
  readonly ofNothing?: string
  readonly isEmpty?: () => boolean
}

/** A type that is a string in JSON and may be missing. */
function textual<T>(
  codec: msgpack.Codec<T | undefined>,
  parse: (text: string) => T | undefined,
  print: (value: T, offsetMinutes?: number) => string,
  { ofNothing = 'null', isEmpty }: TextualOptions = {}
): Form<T | undefined> {
  return {
    msgpack: codec,
    json: {
      print: (value, offsetMinutes) => (value === undefined ? ofNothing : print(value, offsetMinutes)),
      read: (json) => {
        if (json === null || json === undefined) return undefined
        if (typeof json !== 'string') throw wrongType('a string', json)
        try {
          return parse(json)
        } catch (error) {
          throw new ClusterError('CORRUPT', error instanceof Error ? error.message : String(error), { cause: error })
        }
      },
      isEmpty: isEmpty ?? ((value) => value === undefined),
      zero: () => undefined
    }
  }
}
