import type { AbortOptions, PeerId } from '@libp2p/interface'
import { isClusterError, toClusterError, type Clock, type ClusterError } from '@cluster/api'
import { abortReason, withDeadline } from './wait.ts'

/** Most peers that are asked at the same time. */
const MAX_ASKED_AT_ONCE = 64
/** How long a peer may take to answer a question of one reply. @see wire-host-rpc.md §2.6 */
export const ANSWER_TIMEOUT_MS = 15_000

/** What a peer answered, or why it did not. */
export type Answer<T> =
  | { readonly peer: PeerId; readonly value: T; readonly error?: undefined }
  | { readonly peer: PeerId; readonly error: ClusterError }

/** How a question is asked. */
export interface AskOptions extends AbortOptions {
  readonly clock: Clock
  /** For each peer; without it only the signal ends the wait. */
  readonly timeoutMs?: number | undefined
}

/**
 * Puts one question to many peers and yields their answers as they arrive. Peers that refuse to be asked by us
 * (`UNAUTHORIZED`) are left out. Breaking off aborts what is under way.
 *
 * @throws {ClusterError} the signal's reason; failures of peers are answers
 */
export async function* ask<T>(
  peers: Iterable<PeerId>,
  question: (peer: PeerId, signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs, signal }: AskOptions
): AsyncGenerator<Answer<T>, void, undefined> {
  const own = new AbortController()
  const both = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal])
  const waiting = new Map<PeerId, Promise<Answer<T>>>()
  const answerOf = async (peer: PeerId): Promise<Answer<T>> => {
    try {
      const value =
        timeoutMs === undefined
          ? await question(peer, both)
          : await withDeadline(clock, timeoutMs, both, (limited) => question(peer, limited))
      return { peer, value }
    } catch (error) {
      return { peer, error: toClusterError(error) }
    }
  }
  const rest = peers[Symbol.iterator]()
  try {
    for (;;) {
      while (waiting.size < MAX_ASKED_AT_ONCE) {
        const next = rest.next()
        if (next.done === true) break
        waiting.set(next.value, answerOf(next.value))
      }
      if (waiting.size === 0) return
      const answer = await Promise.race(waiting.values())
      waiting.delete(answer.peer)
      if (signal?.aborted === true) throw abortReason(signal)
      if (!isClusterError(answer.error, 'UNAUTHORIZED')) yield answer
    }
  } finally {
    own.abort()
  }
}

/** The stream of arguments of a method that takes none. */
export const NO_ARGUMENTS: AsyncIterable<undefined> = Object.freeze({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true as const, value: undefined }) })
})

/** The stream of arguments of a streaming method that takes one. */
export async function* oneArgument<T>(value: T): AsyncGenerator<T, void, undefined> {
  yield await Promise.resolve(value)
}
