import type { PeerId } from '@libp2p/interface'
import { ClusterError, type ID, type PinInfo, type RepoGC } from '@cluster/api'
import type { CID } from 'multiformats/cid'

/**
 * What a peer says of a pin, if it speaks for itself, and of what it was asked.
 *
 * @throws {ClusterError} `CORRUPT`
 */
export function ownStatus(peer: PeerId, info: PinInfo, cid?: CID): PinInfo {
  if (!info.peer.equals(peer)) throw strange(peer, `a status in the name of ${info.peer.toString()}`)
  if (cid !== undefined && !info.cid.equals(cid)) throw strange(peer, `the status of ${info.cid.toString()}`)
  return info
}

/** What a peer says of itself. @throws {ClusterError} `CORRUPT` when it gives another's name */
export function ownId(peer: PeerId, id: ID): ID {
  if (!id.id.equals(peer)) throw strange(peer, `the ID of ${id.id.toString()}`)
  return id
}

/** What a peer collected. @throws {ClusterError} `CORRUPT` when it gives another's name */
export function ownCollection(peer: PeerId, collected: RepoGC): RepoGC {
  if (!collected.peer.equals(peer)) throw strange(peer, `what ${collected.peer.toString()} collected`)
  return collected
}

function strange(peer: PeerId, what: string): ClusterError {
  return new ClusterError('CORRUPT', `${peer.toString()} answered with ${what}`)
}
