import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { RpcMethods, StreamingMethod, UnaryMethod } from '../rpc-methods.ts'

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
