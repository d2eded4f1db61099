import type { PeerId } from '@libp2p/interface'
import { ClusterError, toClusterError, type Clock, type Remote } from '@cluster/api'
import { ANSWER_TIMEOUT_MS } from './ask.ts'
import { unlessAborted, waitUntil, withDeadline } from './wait.ts'

/** Pause between two questions whether a peer is still there. */
const PROBE_INTERVAL_MS = 15_000

/**
 * Waits for an answer that may take hours, for as long as the peer answers at all: a frozen one must not hold anybody
 * up.
 *
 * @throws {ClusterError} `PEER_UNREACHABLE` when the peer is silent
 */
export async function whileAlive<T>(
  { remote, clock }: { readonly remote: Pick<Remote, 'call'>; readonly clock: Clock },
  peer: PeerId,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const own = new AbortController()
  const both = AbortSignal.any([signal, own.signal])
  const probe = async (): Promise<never> => {
    while (await waitUntil(clock, clock.nowMs() + PROBE_INTERVAL_MS, both)) {
      await withDeadline(clock, ANSWER_TIMEOUT_MS, both, (limited) =>
        remote.call(peer, 'Cluster.Version', undefined, { signal: limited })
      ).catch((error: unknown) => {
        both.throwIfAborted()
        const { message } = toClusterError(error)
        throw new ClusterError('PEER_UNREACHABLE', `the peer does not answer any more: ${message}`)
      })
    }
    return await new Promise<never>(() => undefined)
  }
  try {
    const probing = probe()
    probing.catch(() => undefined)
    return await unlessAborted(Promise.race([work(both), probing]), signal)
  } finally {
    own.abort()
  }
}
