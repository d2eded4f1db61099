import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { HttpError } from './errors.ts'

/** What a configuration says of an own libp2p host of an API. */
export interface OwnHostSettings {
  /** How errors call the section, such as `restapi`. */
  readonly section: string
  /** Its peer ID; empty for none. */
  readonly id: string
  /** Its key: base64 of the protobuf; empty for none. */
  readonly privateKey: string
  readonly listens: boolean
}

/**
 * The key of the own libp2p host of an API; `undefined` when none is configured.
 *
 * @throws HttpError `BAD_IDENTITY` with the words of the reference; no text of the key is in them
 * @see http-apis.md §1.2
 */
export function ownIdentity({ section, id, privateKey, listens }: OwnHostSettings): PrivateKey | undefined {
  const key = privateKey === '' ? undefined : keyOf(section, privateKey)
  const peer = id === '' ? undefined : parsed(`error parsing ${section}.ID`, () => peerIdFromString(id))
  if (key === undefined && peer === undefined && !listens) return undefined
  if (key === undefined || peer === undefined || !listens) {
    throw new HttpError('BAD_IDENTITY', 'all ID, private_key and libp2p_listen_multiaddress should be set')
  }
  if (!peerIdOf(section, key).equals(peer)) {
    throw new HttpError('BAD_IDENTITY', `${section}.ID does not match private_key`)
  }
  return key
}

function keyOf(section: string, text: string): PrivateKey {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw new HttpError('BAD_IDENTITY', `error decoding ${section}.private_key: illegal base64 data`)
  }
  // The cause may quote the key: it is not passed on.
  try {
    return privateKeyFromProtobuf(Buffer.from(text, 'base64'))
  } catch {
    throw new HttpError('BAD_IDENTITY', `error parsing ${section}.private_key ID: not a private key of libp2p`)
  }
}

const peerIdOf = (section: string, key: PrivateKey) =>
  parsed(`error parsing ${section}.private_key ID`, () => peerIdFromPrivateKey(key))

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HttpError('BAD_IDENTITY', `${what}: ${reason}`, { cause })
  }
}
