import type { Clock, Topic } from '@cluster/api'
import type { MerkleCrdt } from '@cluster/merkle-crdt'

/** Heads are announced to peers that come, but not more often than this. */
const SPACING_MS = 2000
/** Of many peers one should do it: each waits at random, the longer the more they are. */
const SPREAD_MS = 50

/**
 * Tells peers that come the heads soon, by one of those who are here: else they wait for the next rebroadcast. And asks
 * them at once for what could not be fetched.
 *
 * @returns what ends it
 */
export function welcomePeers(
  topic: Pick<Topic, 'subscribers' | 'onSubscribed'>,
  crdt: Pick<MerkleCrdt, 'announceHeads' | 'retryNow'>,
  { clock, random }: { readonly clock: Clock; readonly random: () => number }
): () => void {
  let cancel: (() => void) | undefined
  let lastMs = -Infinity
  const announceSoon = (): void => {
    const cameMs = clock.nowMs()
    const spreadMs = Math.min(SPACING_MS, SPREAD_MS * topic.subscribers().length)
    const atMs = Math.max(cameMs + random() * spreadMs, lastMs + SPACING_MS)
    cancel ??= clock.setTimer(atMs, () => {
      cancel = undefined
      lastMs = clock.nowMs()
      void crdt.announceHeads(cameMs)
    })
  }
  const off = topic.onSubscribed(() => {
    crdt.retryNow()
    announceSoon()
  })
  // those who came while the store was opened
  if (topic.subscribers().length > 0) announceSoon()
  return () => {
    off()
    cancel?.()
  }
}
