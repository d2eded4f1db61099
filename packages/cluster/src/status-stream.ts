import type { PeerId } from '@libp2p/interface'
import { ClusterError, pinsetKey, type PinInfo } from '@cluster/api'

/** How long a peer may be silent in a listing when its first item may need a look at its whole IPFS pinset. */
export const LISTING_IDLE_MS = 60_000
/** Items that are sorted at a time when a peer answers without order; a longer answer is asked for again and again. */
export const SORT_WINDOW = 262_144

/** A status with its place in pinset order, so that it is worked out once. */
export interface KeyedStatus {
  readonly key: string
  readonly info: PinInfo
}

/** One peer's part of a status of everything, in pinset order. */
export interface StatusStream {
  readonly peer: PeerId
  readonly items: AsyncIterable<KeyedStatus>
}

/**
 * Passes on what comes after a key, and refuses answers that are not in the order they were promised in: a merge
 * would show one CID as two.
 *
 * @throws {ClusterError} `CORRUPT`
 */
export async function* inOrder(
  items: AsyncIterable<PinInfo>,
  afterKey: string,
  check: (info: PinInfo) => PinInfo = (info) => info
): AsyncGenerator<KeyedStatus, void, undefined> {
  let last = ''
  for await (const info of items) {
    const key = pinsetKey(check(info).cid)
    if (key < last) throw new ClusterError('CORRUPT', 'the statuses of the peer are not in the order of the pinset')
    if (key > last && key > afterKey) yield { key, info }
    last = key
  }
}

/**
 * Sorts an answer of any length in bounded memory: keeps the first items by pinset order, and asks again for those
 * that follow while there are any.
 */
export async function* sorted(
  answer: () => AsyncIterable<PinInfo>,
  afterKey: string,
  window: number = SORT_WINDOW,
  check: (info: PinInfo) => PinInfo = (info) => info
): AsyncGenerator<KeyedStatus, void, undefined> {
  let cursor = afterKey
  for (;;) {
    let kept: KeyedStatus[] = []
    let dropped = 0
    const trim = (): void => {
      kept.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      dropped += Math.max(0, kept.length - window)
      kept = kept.slice(0, window)
    }
    for await (const info of answer()) {
      const key = pinsetKey(check(info).cid)
      if (key > cursor) kept.push({ key, info })
      if (kept.length >= 2 * window) trim()
    }
    trim()
    for (const status of kept) {
      if (status.key > cursor) yield status
      cursor = status.key
    }
    if (dropped === 0) return
  }
}
