import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { RpcMethods, StreamingMethod, UnaryMethod } from '../rpc-methods.ts'

/** What peers of this implementation announce beyond the protocols of the reference peer, as protocol ids in identify. */
export const PEER_EXTENSIONS = {
  /** `PinTracker.StatusAll` answers in pinset order. */
  orderedStatuses: '/ipfs-cluster-ts/ordered-statuses/1.0.0'
} as const

/**
 * Calls to other peers. Local calls are plain method calls.
 *
 * Errors are {@link ClusterError}: `PEER_UNREACHABLE` when the peer could not be asked, `UNAUTHORIZED` when it refuses
 * us, `REMOTE` when it answered with an error.
 */
export interface Remote {
  call<M extends UnaryMethod>(
    peer: PeerId,
    method: M,
    argument: RpcMethods[M]['argument'],
    options: AbortOptions
  ): Promise<RpcMethods[M]['reply']>
  stream<M extends StreamingMethod>(
    peer: PeerId,
    method: M,
    args: AsyncIterable<RpcMethods[M]['argument']>,
    options: AbortOptions
  ): AsyncIterable<RpcMethods[M]['reply']>
  /** Whether a peer announced an extension of this implementation. */
  supports(peer: PeerId, extension: string): Promise<boolean>
}
