import { xsalsa20 } from '@noble/ciphers/salsa.js'
import type { Uint8ArrayList } from 'uint8arraylist'
import { HostError } from './host-error.ts'

/** Length of the nonce that stands before the first byte of each direction. */
export const nonceLength = 24
const blockLength = 64

/**
 * Most bytes of one direction of a connection (256 GiB): the cipher library counts blocks with 32 bits. The connection
 * is then given up and the next one starts with a new nonce.
 */
const maxBytes = (2 ** 32 - 2) * blockLength

/** The XSalsa20 key stream of one direction, applied to bytes in the order in which they travel. */
export class Keystream {
  readonly #key: Uint8Array
  readonly #nonce: Uint8Array
  #position = 0

  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.#key = key
    this.#nonce = nonce
  }

  /**
   * Encrypts or decrypts what comes next; the input is left alone.
   *
   * @throws HostError `cipher_exhausted` after 256 GiB
   */
  apply(bytes: Uint8Array | Uint8ArrayList): Uint8Array {
    if (this.#position + bytes.byteLength > maxBytes) {
      throw new HostError('cipher_exhausted', 'the connection has carried all that one nonce allows')
    }
    // Started at a block boundary, the cipher works on words; the bytes before the position are thrown away.
    const offset = this.#position % blockLength
    const work = new Uint8Array(offset + bytes.byteLength)
    let end = offset
    for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) {
      work.set(part, end)
      end += part.byteLength
    }
    xsalsa20(this.#key, this.#nonce, work, work, Math.floor(this.#position / blockLength))
    this.#position += bytes.byteLength
    return work.subarray(offset)
  }
}
