import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  ClusterError,
  CLUSTER_VERSION,
  RPC_PROTOCOL,
  toClusterError,
  unreachableId,
  type ID,
  type IPFSID,
  type Metric
} from '@cluster/api'
import { ANSWER_TIMEOUT_MS, ask, NO_ARGUMENTS } from './ask.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { parsePing, PING, type PingValue } from './ping-value.ts'
import { comparePeers } from './roles.ts'
import { ownId } from './trusting.ts'
import { unlessAborted, withDeadline } from './wait.ts'

/** How long the IPFS side may take to say who it is: less than what a peer that asks for our ID waits. */
const IPFS_ID_TIMEOUT_MS = 10_000

/** Who is in the cluster, and what is known of each. */
export interface MemberList {
  id(options: AbortOptions): Promise<ID>
  /** The members by the bytes of their IDs. */
  list(options: AbortOptions): Promise<readonly PeerId[]>
  /** All members as they describe themselves. A consensus that knows none is logged and yields nothing. */
  peers(options: AbortOptions): AsyncGenerator<ID, void, undefined>
  peersOf(peers: readonly PeerId[], options: AbortOptions): AsyncGenerator<ID, void, undefined>
  /** Takes a peer in. */
  add(peer: PeerId, options: AbortOptions): Promise<ID>
  /** What a peer said of itself in its last ping, even an expired one. */
  lastPing(peer: PeerId): PingValue
  /** Valid metrics of members; with `membership: 'log'` those of others do not count. */
  metrics(name: string): readonly Metric[]
  /** Whether a metric or alert of this peer counts. */
  counts(peer: PeerId): boolean
  /** From here on no peer is taken in. */
  close(): void
}

type Needs = Pick<
  CoreCollaborators,
  'self' | 'peername' | 'consensus' | 'monitor' | 'ipfs' | 'network' | 'remote' | 'clock' | 'log'
>

/**
 * @see behaviours.md §1.12, §1.13, §1.19
 */
export function createMembers(core: Needs): MemberList {
  const { self, peername, consensus, monitor, ipfs, network, remote, clock, log } = core
  const pings = new WeakMap<Metric, PingValue>()
  // Metrics are read without waiting, so the members of a consensus that keeps them in its log are remembered.
  let known: ReadonlySet<string> | undefined
  let additions: Promise<unknown> = Promise.resolve()
  let closed = false

  const list = async (options: AbortOptions): Promise<readonly PeerId[]> => {
    const peers = [...(await consensus.peers(options))].sort(comparePeers)
    known = new Set(peers.map(String))
    return peers
  }

  const ipfsId = async ({ signal }: AbortOptions): Promise<IPFSID> => {
    try {
      return await withDeadline(clock, IPFS_ID_TIMEOUT_MS, signal, (limited) => ipfs.id({ signal: limited }))
    } catch (error) {
      return { id: undefined, addresses: undefined, error: toClusterError(error).message }
    }
  }

  const id = async (options: AbortOptions): Promise<ID> => {
    const [ipfsSide, clusterPeers] = await Promise.all([ipfsId(options), list(options).catch(() => [])])
    const addresses = await Promise.all(clusterPeers.map((peer) => addressesOf(peer, options)))
    return {
      id: self,
      addresses: network.libp2p.getMultiaddrs().map((address) => withPeer(address, self)),
      clusterPeers,
      clusterPeersAddresses: addresses.flat(),
      version: CLUSTER_VERSION,
      commit: '',
      rpcProtocolVersion: RPC_PROTOCOL,
      error: '',
      ipfs: ipfsSide,
      peername
    }
  }

  const addressesOf = async (peer: PeerId, options: AbortOptions): Promise<readonly Multiaddr[]> => {
    if (peer.equals(self)) return []
    try {
      const all = (await network.libp2p.peerStore.get(peer, options)).addresses.map(({ multiaddr }) => multiaddr)
      const named = all.filter((address) => address.getComponents().some(({ name }) => name.startsWith('dns')))
      const chosen = named.length > 0 ? named : all
      return chosen.map((address) => withPeer(address, peer)).sort((a, b) => (String(a) < String(b) ? -1 : 1))
    } catch {
      return [] // Nothing is known of it.
    }
  }

  const idOf = async (peer: PeerId, signal: AbortSignal): Promise<ID> => {
    if (peer.equals(self)) return await id({ signal })
    const answers = remote.stream(peer, 'Cluster.IDStream', NO_ARGUMENTS, { signal })
    for await (const answer of answers) return ownId(peer, answer)
    throw new ClusterError('REMOTE', 'the peer did not say who it is')
  }

  async function* peersOf(peers: readonly PeerId[], options: AbortOptions): AsyncGenerator<ID, void, undefined> {
    for await (const answer of ask(peers, idOf, { ...options, clock, timeoutMs: ANSWER_TIMEOUT_MS })) {
      yield answer.error === undefined ? answer.value : unreachableId(answer.peer, answer.error.message)
    }
  }

  const addNow = async (peer: PeerId, options: AbortOptions): Promise<ID> => {
    if (closed) throw new ClusterError('STOPPED', 'cluster is shutdown')
    await consensus.addPeer(peer, options)
    // Additions wait for each other, so one that never answers must not hold them all up.
    const added = await withDeadline(clock, ANSWER_TIMEOUT_MS, options.signal, async (signal) =>
      peer.equals(self) ? await id({ signal }) : await remote.call(peer, 'Cluster.ID', undefined, { signal })
    )
    const clusterPeers = ownId(peer, added).clusterPeers ?? []
    if (clusterPeers.some((other) => other.equals(self))) return added
    return { ...added, clusterPeers: [...clusterPeers, self] }
  }

  return {
    id,
    list,
    peersOf,
    async *peers(options) {
      let peers: readonly PeerId[]
      try {
        peers = await list(options)
      } catch (error) {
        log.error('the members of the cluster are not known', { error })
        return
      }
      yield* peersOf(peers, options)
    },
    async add(peer, options) {
      const addition = additions.then(() => addNow(peer, options))
      additions = addition.catch(() => undefined)
      return await unlessAborted(addition, options.signal)
    },
    lastPing(peer) {
      const metric = monitor.latestForPeer(PING, peer)
      if (metric === undefined) return parsePing('')
      const value = pings.get(metric) ?? parsePing(metric.value)
      pings.set(metric, value)
      return value
    },
    counts: (peer) => consensus.traits.membership === 'metrics' || known === undefined || known.has(peer.toString()),
    metrics(name) {
      return monitor.latestMetrics(name).filter(({ peer }) => this.counts(peer))
    },
    close() {
      closed = true
    }
  }
}

function withPeer(address: Multiaddr, peer: PeerId): Multiaddr {
  const last = address.getComponents().at(-1)
  return last?.name === 'p2p' ? address : address.encapsulate(`/p2p/${peer.toString()}`)
}
