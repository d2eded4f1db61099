import type { PeerId } from '@libp2p/interface'
import type { Metric } from '@cluster/api'
import type { Background } from './background.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { PING } from './ping-value.ts'

/** Members that are dialled at once: a cluster that starts all together must not dial everybody in one breath. */
const MAX_DIALS = 8
/** A member that could not be reached is left alone for so long. */
const RETRY_INTERVAL_MS = 30_000
/** Members that are remembered as met or tried; more than any cluster has. */
const MAX_REMEMBERED = 10_000

type Needs = Pick<CoreCollaborators, 'self' | 'monitor' | 'network' | 'clock' | 'log'>

/** Knows the members that gossip tells of. */
export interface Acquaintance {
  start(): void
  stop(): void
}

/**
 * Connects with members whose pings arrive through others, so that blocks and calls need no go-between, and saves the
 * addresses of those it met, so that a crash does not forget them. Without it, peers that were all given the same one
 * to start from would know nobody else.
 */
export function createAcquaintance(
  { self, monitor, network, clock, log }: Needs,
  background: Background,
  { connectionManager }: Pick<ClusterConfig, 'connectionManager'>
): Acquaintance {
  const met = new Set<string>()
  const triedAtMs = new Map<string, number>()
  let dials = 0
  let saving = false
  let saveAgain = false

  const isConnected = (peer: PeerId): boolean => network.libp2p.getConnections(peer).length > 0

  const save = async (): Promise<void> => {
    saveAgain = true
    if (saving) return
    saving = true
    try {
      while (saveAgain) {
        saveAgain = false
        await network.savePeerstore()
      }
    } finally {
      saving = false
    }
  }

  const remember = (peer: PeerId): void => {
    if (met.has(peer.toString())) return
    if (met.size >= MAX_REMEMBERED) met.clear()
    met.add(peer.toString())
    background.run('saving the addresses of peers', save)
  }

  const mayDial = (peer: PeerId): boolean => {
    const triedMs = triedAtMs.get(peer.toString()) ?? -Infinity
    const passedMs = clock.nowMs() - triedMs
    return (
      dials < MAX_DIALS &&
      // negative when our clock was set back
      (passedMs >= RETRY_INTERVAL_MS || passedMs < 0) &&
      network.libp2p.getConnections().length < connectionManager.lowWater
    )
  }

  const meet = async (peer: PeerId, signal: AbortSignal): Promise<void> => {
    if (triedAtMs.size >= MAX_REMEMBERED) triedAtMs.clear()
    triedAtMs.set(peer.toString(), clock.nowMs())
    dials++
    try {
      await network.connect(peer, { signal })
      remember(peer)
    } catch (error) {
      if (!signal.aborted) log.debug('a member could not be connected', { peer: peer.toString(), error })
    } finally {
      dials--
    }
  }

  const onMetric = ({ detail: { name, peer } }: CustomEvent<Metric>): void => {
    if (name !== PING || peer.equals(self)) return
    if (isConnected(peer)) remember(peer)
    else if (mayDial(peer)) background.run('meeting a member', (signal) => meet(peer, signal))
  }

  return {
    start() {
      monitor.addEventListener('metric', onMetric)
    },
    stop() {
      monitor.removeEventListener('metric', onMetric)
    }
  }
}
