import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  ClusterError,
  itemsOf,
  limitCounter,
  mergePinInfo,
  pinsetKey,
  TrackerStatus,
  type GlobalPinInfo,
  type Pages,
  type PinInfo
} from '@cluster/api'
import { ask, NO_ARGUMENTS } from './ask.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { StatusEntries } from './status-entries.ts'
import { LISTING_IDLE_MS } from './status-stream.ts'
import { ownStatus } from './trusting.ts'
import { unlessIdle } from './wait.ts'

/** Most items that one recovery of everything reports. Everything is recovered, also beyond it. */
const MAX_RECOVERED_ITEMS = 1_000_000
const PAGE_ITEMS = 256

/**
 * Lets all peers retry what failed, and reports what they retry. A peer acts while it answers, so it cannot be asked
 * twice: answers are gathered, then given in pinset order.
 *
 * @throws {ClusterError} of a peer when none of them answered, `REMOTE` when some did not and there is nothing to show
 * that at, `LIMIT` above {@link MAX_RECOVERED_ITEMS}
 * @see behaviours.md §1.18
 */
export async function* recoverEverywhere(
  { self, remote, clock, log, metrics }: Pick<CoreCollaborators, 'self' | 'remote' | 'clock' | 'log' | 'metrics'>,
  concerned: (options: AbortOptions) => Promise<readonly PeerId[]>,
  recoverAllLocal: (options: AbortOptions) => Pages<PinInfo>,
  entries: StatusEntries,
  options: AbortOptions
): Pages<GlobalPinInfo> {
  const found = new Map<string, GlobalPinInfo>()
  let unlisted = 0
  const gather = async (peer: PeerId, limited: AbortSignal): Promise<void> => {
    const items = peer.equals(self)
      ? itemsOf(recoverAllLocal({ signal: limited }))
      : remote.stream(peer, 'Cluster.RecoverAllLocal', NO_ARGUMENTS, { signal: limited })
    for await (const info of unlessIdle(clock, LISTING_IDLE_MS, limited, items)) {
      const key = pinsetKey(ownStatus(peer, info).cid)
      const known = found.get(key)
      if (known === undefined && found.size >= MAX_RECOVERED_ITEMS) unlisted += 1
      else found.set(key, mergePinInfo(known, info))
    }
  }
  const failures: { readonly peer: PeerId; readonly error: ClusterError }[] = []
  let answers = 0
  for await (const answer of ask(await concerned(options), gather, { ...options, clock })) {
    if (answer.error === undefined) answers += 1
    else failures.push(answer)
  }
  const [failure] = failures
  if (answers === 0 && failure !== undefined) throw failure.error
  if (found.size === 0 && failure !== undefined) {
    // There is no item to show it at, and what that peer should have recovered stays as it was.
    const names = failures.map(({ peer, error }) => `${peer.toString()}: ${error.message}`)
    throw new ClusterError('REMOTE', `nothing was recovered at some peers: ${names.join('; ')}`)
  }
  let page: GlobalPinInfo[] = []
  for (const key of [...found.keys()].sort()) {
    let info = found.get(key)
    if (info === undefined) continue
    for (const { peer, error } of failures) {
      info = mergePinInfo(info, entries.inferred(peer, info.cid, undefined, TrackerStatus.clusterError, error.message))
    }
    page.push(info)
    if (page.length < PAGE_ITEMS) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
  if (unlisted === 0) return
  const refusal = new ClusterError('LIMIT', `more than ${MAX_RECOVERED_ITEMS} items are being recovered`)
  limitCounter(metrics)('answer_items')
  log.warn(refusal.message, { unlisted })
  throw refusal
}
