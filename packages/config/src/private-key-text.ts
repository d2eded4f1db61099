import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * Reads a private key: base64 of the protobuf of libp2p.
 *
 * @param name - how errors call the option
 * @throws {SyntaxError} with Go's text; nothing of the key is in it
 * @see cli-config.md §4.7
 */
export function parsePrivateKey(text: string, name = 'private_key'): PrivateKey {
  if (!BASE64.test(text)) {
    throw new SyntaxError(`error decoding ${name}: illegal base64 data at input byte ${firstBad(text)}`)
  }
  try {
    return privateKeyFromProtobuf(Buffer.from(text, 'base64'))
  } catch {
    // The cause may quote the key: it is not passed on.
    throw new SyntaxError(`error parsing ${name} ID: proto: cannot parse invalid wire-format data`)
  }
}

/** The place that Go names: a character that does not belong, else the start of the group of four that is not whole. */
function firstBad(text: string): number {
  const bad = text.search(/[^A-Za-z0-9+/]/)
  return bad === -1 ? text.length - (text.length % 4) : bad
}
