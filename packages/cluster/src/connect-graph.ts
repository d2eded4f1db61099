import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { ConnectGraph, ID } from '@cluster/api'
import { ANSWER_TIMEOUT_MS, ask, NO_ARGUMENTS } from './ask.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { MemberList } from './members.ts'
import { comparePeers } from './roles.ts'

/** What one member says of whom it sees. */
interface View {
  readonly ids: readonly ID[]
  readonly swarm: readonly PeerId[]
}

type Needs = Pick<CoreCollaborators, 'self' | 'consensus' | 'ipfs' | 'remote' | 'clock'>

/** Most peers that one member may list. */
const MAX_LISTED = 65_536

/**
 * Asks every member whom it sees, in the cluster and on the IPFS side.
 *
 * @see behaviours.md §1.21
 */
export async function connectGraph(core: Needs, members: MemberList, options: AbortOptions): Promise<ConnectGraph> {
  const { self, consensus, ipfs, remote, clock } = core

  const idsOf = async (peer: PeerId, signal: AbortSignal): Promise<readonly ID[]> => {
    const ids: ID[] = []
    const answers = peer.equals(self)
      ? members.peers({ signal })
      : remote.stream(peer, 'Cluster.Peers', NO_ARGUMENTS, { signal })
    for await (const id of answers) {
      if (ids.length >= MAX_LISTED) break
      ids.push(id)
    }
    return ids
  }

  const swarmOf = async (peer: PeerId, signal: AbortSignal): Promise<readonly PeerId[]> =>
    peer.equals(self)
      ? await ipfs.swarmPeers({ signal })
      : ((await remote.call(peer, 'IPFSConnector.SwarmPeers', undefined, { signal })) ?? [])

  const viewOf = async (peer: PeerId, signal: AbortSignal): Promise<View> => {
    const ids = await idsOf(peer, signal)
    const knowsItsNode = ids.some((id) => id.id.equals(peer) && id.ipfs.error === '' && id.ipfs.id !== undefined)
    return { ids, swarm: knowsItsNode ? await swarmOf(peer, signal).catch(() => []) : [] }
  }

  const peers = await members.list(options)
  const views = new Map<string, View>()
  // A member asks all others in turn, each within the time of one answer.
  const limits = { ...options, clock, timeoutMs: 2 * ANSWER_TIMEOUT_MS }
  for await (const answer of ask(peers, viewOf, limits)) {
    if (answer.error === undefined) views.set(answer.peer.toString(), answer.value)
  }

  const idToPeername = new Map<string, string>()
  const clusterLinks = new Map<string, readonly PeerId[]>()
  const clusterTrustLinks = new Map<string, boolean>()
  const clusterToIpfs = new Map<string, PeerId>()
  const ipfsLinks = new Map<string, readonly PeerId[]>()
  for (const peer of peers) {
    const name = peer.toString()
    const { ids, swarm } = views.get(name) ?? { ids: [], swarm: [] }
    const own = ids.find(({ id }) => id.equals(peer))
    const seen = ids.filter(({ id, error }) => error === '' && !id.equals(peer)).map(({ id }) => id)
    clusterTrustLinks.set(name, consensus.isTrusted(peer))
    clusterLinks.set(name, seen.sort(comparePeers))
    idToPeername.set(name, own?.peername ?? '')
    if (own?.ipfs.id === undefined || own.ipfs.error !== '') continue
    clusterToIpfs.set(name, own.ipfs.id)
    ipfsLinks.set(own.ipfs.id.toString(), swarm)
  }
  return { clusterId: self, idToPeername, ipfsLinks, clusterLinks, clusterTrustLinks, clusterToIpfs }
}
