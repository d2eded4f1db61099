import { pinsetKey, type Pin } from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { MemoryIpfs } from './memory-ipfs.ts'

/** A request to pin or unpin that {@link SteeredIpfs} was asked. */
export interface SteeredCall {
  readonly method: 'pin' | 'unpin'
  readonly cid: CID
  readonly signal: AbortSignal | undefined
  /** Whether the caller said that nothing is pinned. */
  readonly isKnownAbsent: boolean
  /** Tells the caller that so many nodes of the content have arrived. */
  readonly progress: (nodes: number) => void
}

/**
 * An IPFS side whose pins and unpins a test holds back, fails or watches.
 *
 * @example
 * ```ts
 * const ipfs = new SteeredIpfs(testPeerId(1))
 * ipfs.onCall = ({ method, cid }) => (method === 'pin' && cid.equals(bad) ? Promise.reject(new Error('bad')) : undefined)
 * const release = ipfs.hold(slow) // requests for this CID wait until release() or their abort
 * ```
 */
export class SteeredIpfs extends MemoryIpfs {
  /** Called before each request does its work: what it throws, or its promise rejects with, the request fails with. */
  onCall: (call: SteeredCall) => unknown = () => undefined
  /** All requests so far. */
  readonly calls: SteeredCall[] = []
  readonly #held = new Map<string, Promise<undefined>>()
  readonly #running = new Map<string, number>()
  #pins = 0
  #mostPins = 0
  #mostPerCid = 0

  constructor(id: PeerId) {
    super(id, [])
  }

  /** Requests under way. */
  get running(): number {
    let sum = 0
    for (const count of this.#running.values()) sum += count
    return sum
  }

  /** Most pins that ever ran at once. */
  get mostPins(): number {
    return this.#mostPins
  }

  /** Most requests that ever ran at once for one CID. */
  get mostPerCid(): number {
    return this.#mostPerCid
  }

  /** Makes requests for a CID wait until they are aborted, or what is returned is called. */
  hold(cid: CID): () => void {
    const gate = Promise.withResolvers<undefined>()
    this.#held.set(pinsetKey(cid), gate.promise)
    return () => {
      this.#held.delete(pinsetKey(cid))
      gate.resolve(undefined)
    }
  }

  override async pin(
    pin: Pin,
    options: AbortOptions & { onProgress?(nodes: number): void; readonly isKnownAbsent?: boolean }
  ): Promise<void> {
    this.#pins += 1
    this.#mostPins = Math.max(this.#mostPins, this.#pins)
    try {
      await this.#steer({
        method: 'pin',
        cid: pin.cid,
        signal: options.signal,
        isKnownAbsent: options.isKnownAbsent === true,
        progress: (nodes) => options.onProgress?.(nodes)
      })
      await super.pin(pin, options)
    } finally {
      this.#pins -= 1
      this.#leave(pin.cid)
    }
  }

  override async unpin(cid: CID, options: AbortOptions): Promise<void> {
    try {
      const { signal } = options
      await this.#steer({ method: 'unpin', cid, signal, isKnownAbsent: false, progress: () => undefined })
      await super.unpin(cid, options)
    } finally {
      this.#leave(cid)
    }
  }

  /** Unpins behind everybody's back. */
  async lose(cid: CID): Promise<void> {
    await super.unpin(cid, {})
  }

  async #steer(call: SteeredCall): Promise<void> {
    const key = pinsetKey(call.cid)
    const count = (this.#running.get(key) ?? 0) + 1
    this.#running.set(key, count)
    this.#mostPerCid = Math.max(this.#mostPerCid, count)
    this.calls.push(call)
    await this.onCall(call)
    const held = this.#held.get(key)
    if (held !== undefined) await Promise.race([held, rejectOnAbort(call.signal)])
    call.signal?.throwIfAborted()
  }

  #leave(cid: CID): void {
    const key = pinsetKey(cid)
    const count = (this.#running.get(key) ?? 0) - 1
    if (count > 0) this.#running.set(key, count)
    else this.#running.delete(key)
  }
}

function rejectOnAbort(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(new Error('context canceled'))
    })
  })
}
