import type { AbortOptions, ConnectionProtector, MessageStream } from '@libp2p/interface'
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { HostError } from './host-error.ts'
import { Keystream, nonceLength } from './keystream.ts'

/** Length of a cluster secret in bytes. */
const secretLength = 32

/** What both sides of a libp2p connection send first; anything else after decryption means another secret. */
const opening = new TextEncoder().encode('\x13/multistream/1.0.0\n')

/** Part of the text of every `wrong_secret` error: libp2p hands on only texts of failed upgrades. */
const wrongSecretMark = 'cluster secret'

/** Whether an error of libp2p, or one of its causes, comes from another secret at the other side. */
export function isWrongSecret(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isWrongSecret)
  return error instanceof Error && error.message.includes(wrongSecretMark)
}

/** Makes nonces; for tests. */
export type RandomBytes = (length: number) => Uint8Array

/**
 * The private network of a cluster secret, on the wire of libp2p's pnet: each side sends a random nonce of 24 bytes,
 * then everything under the XSalsa20 key stream of secret and nonce. Nothing is authenticated; that is the job of TLS
 * or Noise inside.
 *
 * The own nonce goes out at once, and nothing waits for the other one, so it works with peers that are lazy and with
 * peers that wait. A first line other than that of multistream ends the connection as `wrong_secret`, instead of
 * waiting for a timeout.
 *
 * @param secret - 32 bytes
 * @throws HostError `bad_secret`
 * @see wire-host-rpc.md §1.3
 */
export function secretProtector(secret: Uint8Array, randomBytes: RandomBytes = webRandomBytes): ConnectionProtector {
  if (secret.byteLength !== secretLength) {
    throw new HostError(
      'bad_secret',
      `input secret is ${secret.byteLength} bytes, cluster secret should be ${secretLength}`
    )
  }
  return {
    protect: (connection: MessageStream, options?: AbortOptions): Promise<MessageStream> =>
      Promise.try(() => {
        options?.signal?.throwIfAborted()
        return new ProtectedStream(connection, secret, randomBytes(nonceLength))
      })
  }
}

function webRandomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

class ProtectedStream extends AbstractMessageStream {
  readonly #inner: MessageStream
  readonly #secret: Uint8Array
  readonly #outgoing: Keystream
  readonly #head = new Uint8ArrayList()
  #incoming: Keystream | undefined
  #opened = 0
  #resuming = false

  constructor(inner: MessageStream, secret: Uint8Array, nonce: Uint8Array) {
    super({
      log: inner.log,
      inactivityTimeout: inner.inactivityTimeout,
      maxReadBufferLength: inner.maxReadBufferLength,
      direction: inner.direction
    })
    this.#inner = inner
    this.#secret = secret
    this.#outgoing = new Keystream(secret, nonce)
    inner.addEventListener('message', (event) => {
      this.#receive(event.data)
    })
    inner.addEventListener('drain', () => {
      this.safeDispatchEvent('drain')
    })
    inner.addEventListener('remoteCloseWrite', () => {
      this.onRemoteCloseWrite()
    })
    inner.addEventListener('close', (event) => {
      if (event.error === undefined) this.onTransportClosed()
      else if (event.local) this.abort(event.error)
      else this.onRemoteReset()
    })
    inner.send(nonce)
  }

  async close(options?: AbortOptions): Promise<void> {
    await this.#inner.close(options)
  }

  sendData(data: Uint8ArrayList): SendResult {
    const sentBytes = data.byteLength
    return { sentBytes, canSendMore: this.#inner.send(this.#outgoing.apply(data)) }
  }

  sendReset(error: Error): void {
    this.#inner.abort(error)
  }

  // A pause() of the inner stream while its resume() is on the stack is lost (TECHNOLOGY.md §7 defect 4), and TLS
  // pauses whenever its own buffer is full: so it waits until resume() has returned.
  sendPause(): void {
    if (!this.#resuming) this.#inner.pause()
  }

  sendResume(): void {
    if (this.#isPaused()) return
    this.#resuming = true
    try {
      this.#inner.resume()
    } finally {
      this.#resuming = false
    }
    if (this.#isPaused()) this.#inner.pause()
  }

  #isPaused(): boolean {
    return this.readStatus === 'paused'
  }

  #receive(data: Uint8Array | Uint8ArrayList): void {
    if (this.status !== 'open') return
    try {
      const plain = this.#decrypt(data)
      if (plain.byteLength === 0) return
      this.#checkOpening(plain)
      this.onData(plain)
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #decrypt(data: Uint8Array | Uint8ArrayList): Uint8Array {
    if (this.#incoming !== undefined) return this.#incoming.apply(data)
    this.#head.append(data)
    if (this.#head.byteLength < nonceLength) return new Uint8Array(0)
    const nonce = this.#head.slice(0, nonceLength)
    if (startsWith(nonce, opening)) {
      throw new HostError('wrong_secret', `the other side has no ${wrongSecretMark}`)
    }
    this.#incoming = new Keystream(this.#secret, nonce)
    this.#head.consume(nonceLength)
    return this.#incoming.apply(this.#head)
  }

  #checkOpening(plain: Uint8Array): void {
    if (this.#opened === opening.length) return
    const expected = opening.subarray(this.#opened, this.#opened + plain.byteLength)
    if (!startsWith(plain, expected)) {
      throw new HostError('wrong_secret', `the other side has another ${wrongSecretMark}`)
    }
    this.#opened += expected.length
  }
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => bytes[index] === byte)
}
