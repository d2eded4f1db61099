import type { PeerId } from '@libp2p/interface'
import { TrackerStatus, trackerStatusToString, toClusterError, type Move, type Pin } from '@cluster/api'
import { ANSWER_TIMEOUT_MS, ask } from './ask.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { Pinning } from './pinning.ts'
import type { Change } from './plan-repair.ts'
import type { RateLimit } from './rate-limit.ts'
import type { StatusBoard } from './statuses.ts'
import { ownStatus } from './trusting.ts'
import { waitUntil } from './wait.ts'

/** Pauses between two questions whether the new copies are there: the first, and the longest. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000

/** States in which waiting does not help: somebody has to look. */
const FAILED = TrackerStatus.pinError | TrackerStatus.unpinError | TrackerStatus.clusterError

/** Gives pins other holders. */
export interface Mover {
  /**
   * Adds the new holders, waits until they have it pinned, and only then drops the old ones. What goes wrong is in the
   * answer; `changed` when somebody else gave it other holders meanwhile.
   *
   * @param patienceMs - how long to wait for the new copies; with 0 they are looked at once, and a later round goes on
   * @throws {ClusterError} the signal's reason
   */
  move(pin: Pin, change: Change, patienceMs: number, signal: AbortSignal): Promise<Move | 'changed'>
}

type Needs = Pick<CoreCollaborators, 'self' | 'remote' | 'clock'>

/** @param limit - how often a pin may be given other holders */
export function createMover(
  core: Needs,
  { pinning, statuses, limit }: { pinning: Pinning; statuses: StatusBoard; limit: RateLimit }
): Mover {
  const { self, remote, clock } = core

  const statusAt = async (pin: Pin, peer: PeerId, signal: AbortSignal): Promise<TrackerStatus> => {
    const { status } = peer.equals(self)
      ? await statuses.statusLocal(pin.cid, { signal })
      : ownStatus(peer, await remote.call(peer, 'PinTracker.Status', pin.cid, { signal }), pin.cid)
    return status
  }

  /** Why some peer has it not pinned; nothing when all have. */
  const lacking = async (
    pin: Pin,
    peers: readonly PeerId[],
    signal: AbortSignal
  ): Promise<{ readonly text: string; readonly isHopeless: boolean } | undefined> => {
    const question = (peer: PeerId, limited: AbortSignal): Promise<TrackerStatus> => statusAt(pin, peer, limited)
    let answers = 0
    let missing: { text: string; isHopeless: boolean } | undefined
    for await (const answer of ask(peers, question, { signal, clock, timeoutMs: ANSWER_TIMEOUT_MS })) {
      answers += 1
      const name = answer.peer.toString()
      if (answer.error !== undefined) missing = { text: `${name}: ${answer.error.message}`, isHopeless: false }
      else if (answer.value !== TrackerStatus.pinned) {
        const text = `${name} says ${trackerStatusToString(answer.value)}`
        missing ??= { text, isHopeless: (answer.value & FAILED) !== 0 }
      }
    }
    if (answers < peers.length) missing ??= { text: 'a peer refuses to answer', isHopeless: true }
    return missing
  }

  const waitFor = async (
    pin: Pin,
    peers: readonly PeerId[],
    patienceMs: number,
    signal: AbortSignal
  ): Promise<string> => {
    let untilMs = clock.nowMs() + patienceMs
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const missing = await lacking(pin, peers, signal)
      signal.throwIfAborted()
      if (missing === undefined) return ''
      // our clock may have been set back
      untilMs = Math.min(untilMs, clock.nowMs() + patienceMs)
      if (missing.isHopeless || clock.nowMs() >= untilMs) return missing.text
      await waitUntil(clock, Math.min(clock.nowMs() + pauseMs, untilMs), signal)
      signal.throwIfAborted()
    }
  }

  const moveNow = async (
    pin: Pin,
    { add, drop, keep, reason, short }: Change,
    patienceMs: number,
    signal: AbortSignal
  ): Promise<Pick<Move, 'state' | 'error'> | 'changed'> => {
    if (add.length === 0 && drop.length === 0) {
      return { state: 'failed', error: `${short} copies are missing, and no other peer can take one: ${reason}` }
    }
    let current = pin
    if (add.length > 0) {
      await limit.turn(signal)
      const allocations = [...(pin.allocations ?? []), ...add]
      if (!(await pinning.reallocate(current, allocations, { signal }))) return 'changed'
      current = { ...pin, allocations }
    }
    if (drop.length === 0) return { state: 'moved', error: '' }
    if (add.length > 0 && patienceMs === 0) return { state: 'waiting', error: 'the new copies are on their way' }
    const missing = await waitFor(current, keep, patienceMs, signal)
    if (missing !== '') return { state: 'waiting', error: `the old copies stay: ${missing}` }
    if (add.length === 0) await limit.turn(signal)
    const left = (current.allocations ?? []).filter((peer) => !drop.some((other) => other.equals(peer)))
    return (await pinning.reallocate(current, left, { signal })) ? { state: 'moved', error: '' } : 'changed'
  }

  return {
    async move(pin, change, patienceMs, signal) {
      const { add, drop, reason } = change
      const about = { cid: pin.cid, name: pin.name, add, drop, reason }
      try {
        const outcome = await moveNow(pin, change, patienceMs, signal)
        return outcome === 'changed' ? outcome : { ...about, ...outcome }
      } catch (error) {
        signal.throwIfAborted()
        return { ...about, state: 'failed', error: toClusterError(error).message }
      }
    }
  }
}
