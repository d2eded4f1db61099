import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** Size of the IPFS repository and its limit, in bytes. */
export interface IPFSRepoStat {
  readonly repoSize: bigint
  readonly storageMax: bigint
}

/** One step of a garbage collection: a removed CID or an error. */
export interface IPFSRepoGC {
  readonly key: CID | undefined
  readonly error: string
}

/** What a garbage collection removed at one peer. */
export interface RepoGC {
  readonly peer: PeerId
  readonly peername: string
  readonly keys: readonly IPFSRepoGC[] | undefined
  readonly error: string
}

/** What a garbage collection removed in the cluster, by the base58 text of the peer IDs. */
export interface GlobalRepoGC {
  readonly peerMap: ReadonlyMap<string, RepoGC> | undefined
}
