import { ClusterError, pinsetKey, type Pin } from '@cluster/api'
import { pinFromProtobuf, pinToProtobuf } from '@cluster/wire'
import { Key, type Pair } from 'interface-datastore'
import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'

/**
 * The key of a pin in the store: a slash and the base32 text of its CID.
 *
 * @see wire-crdt.md §4.1
 */
export function pinKey(cid: CID): Key {
  return new Key(`/${pinsetKey(cid)}`, false)
}

/** A pin as key and value of the store. */
export function pinToPair(pin: Pin): Pair {
  return { key: pinKey(pin.cid), value: pinToProtobuf(pin) }
}

/**
 * The CID that a key of the store stands for.
 *
 * @throws ClusterError `CORRUPT` when it is no key of a pin
 */
export function cidFromKey(key: Key): CID {
  const text = key.toString().slice(1)
  try {
    const cid = CID.decode(base32upper.baseDecode(text))
    if (pinsetKey(cid) === text) return cid
  } catch (cause) {
    throw new ClusterError('CORRUPT', `not the key of a pin: ${key.toString()}`, { cause })
  }
  throw new ClusterError('CORRUPT', `not the key of a pin: ${key.toString()}`)
}

/**
 * The pin of a key and value of the store. Its CID is that of the key, whatever the value says.
 *
 * @throws ClusterError `CORRUPT` when the key or the value is none of a pin
 */
export function pinFromPair({ key, value }: Pair): Pin {
  return { ...pinFromProtobuf(value), cid: cidFromKey(key) }
}
