import type { AbortOptions } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { latin1 } from '../cid/key.ts'

/** Bounds of a fetch of many blocks. */
export interface BoundedFetchOptions extends AbortOptions {
  /** Blocks asked for and not yet here; default 512. */
  readonly maxPending?: number
  /** Bytes of blocks that are here and not yet taken; default 16 MiB. Above it nothing more is asked for. */
  readonly maxBufferedBytes?: number
}

const DEFAULT_MAX_PENDING = 512
const DEFAULT_MAX_BUFFERED_BYTES = 16 * 1024 * 1024
/** CIDs that are remembered so that the input may name them again; one named again much later is fetched again. */
const MAX_SEEN = 65_536

/**
 * Fetches many blocks at once and yields them as they arrive. The input is pulled only as far as the bounds allow, so
 * it may be of any length. A CID that is named twice is fetched once and yielded once.
 *
 * @param fetch - gets one block; the signal is aborted when the caller breaks off
 * @throws the first error of the input or of `fetch`; the reason of the signal
 * @see bitswap.md §4.3.2
 */
export async function* boundedFetch<T extends { readonly bytes: Uint8Array }>(
  cids: Iterable<CID> | AsyncIterable<CID>,
  fetch: (cid: CID, signal: AbortSignal) => Promise<T>,
  options: BoundedFetchOptions = {}
): AsyncGenerator<T, void, undefined> {
  const { signal, maxPending = DEFAULT_MAX_PENDING, maxBufferedBytes = DEFAULT_MAX_BUFFERED_BYTES } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const arrived: T[] = []
  const seen = new Set<string>()
  let pending = 0
  let bufferedBytes = 0
  const input = { ended: false }
  const failures: unknown[] = []
  let changed = Promise.withResolvers<undefined>()
  const wake = (): void => {
    changed.resolve(undefined)
    changed = Promise.withResolvers<undefined>()
  }
  const fail = (error: unknown): void => {
    failures.push(error)
    wake()
  }
  const onAbort = (): void => {
    fail(signal?.reason)
  }
  const start = (cid: CID): void => {
    const form = isCid(cid) ? latin1(cid.bytes) : ''
    if (seen.has(form)) return
    if (seen.size >= MAX_SEEN) seen.clear()
    seen.add(form)
    pending += 1
    fetch(cid, stop.signal).then((block) => {
      pending -= 1
      bufferedBytes += block.bytes.length
      arrived.push(block)
      wake()
    }, fail)
  }
  const isFull = (): boolean => pending >= maxPending || bufferedBytes > maxBufferedBytes
  const room = async (): Promise<void> => {
    while (isFull() && !isAborted(stop.signal)) await changed.promise
  }
  const pull = async (): Promise<void> => {
    for await (const cid of cids) {
      await room()
      if (isAborted(stop.signal)) return
      start(cid)
    }
    input.ended = true
    wake()
  }

  signal?.addEventListener('abort', onAbort)
  try {
    pull().catch(fail)
    for (;;) {
      if (failures.length > 0) throw failures[0]
      const block = arrived.shift()
      if (block !== undefined) {
        bufferedBytes -= block.bytes.length
        wake()
        yield block
        continue
      }
      if (input.ended && pending === 0) return
      await changed.promise
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    stop.abort(new DOMException('nobody waits for the blocks any more', 'AbortError'))
    wake()
  }
}

/** Asked anew after each wait. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

/** The input may come from untyped callers; what is no CID is left to `fetch` to refuse. */
function isCid(value: unknown): value is CID {
  return CID.asCID(value) !== null
}
