import {
  ClusterError,
  RPC_PROTOCOL,
  type ErrorCode,
  type Remote,
  type RpcMethods,
  type StreamingMethod,
  type UnaryMethod
} from '@cluster/api'
import { RpcClient, RpcError, type ArgumentOf, type RpcErrorCode } from '@cluster/rpc'
import { rpcMethods } from '@cluster/wire'
import type { AbortOptions, Libp2p, PeerId } from '@libp2p/interface'

const codes: Readonly<Record<RpcErrorCode, ErrorCode>> = {
  method_failed: 'REMOTE',
  server_failed: 'REMOTE',
  unauthorized: 'UNAUTHORIZED',
  unreachable: 'PEER_UNREACHABLE',
  broken_off: 'PEER_UNREACHABLE',
  malformed: 'CORRUPT',
  limit: 'LIMIT',
  unencodable: 'BAD_REQUEST',
  stopped: 'STOPPED'
}

/** The `Remote` port over `@cluster/rpc`. */
export class RpcRemote implements Remote {
  readonly #client: RpcClient<typeof rpcMethods>
  readonly #libp2p: Libp2p

  constructor(libp2p: Libp2p) {
    this.#libp2p = libp2p
    this.#client = new RpcClient({ libp2p, protocol: RPC_PROTOCOL, methods: rpcMethods })
  }

  async call<M extends UnaryMethod>(
    peer: PeerId,
    method: M,
    argument: RpcMethods[M]['argument'],
    options: AbortOptions
  ): Promise<RpcMethods[M]['reply']> {
    try {
      return await this.#client.call(peer, method, argument as ArgumentOf<(typeof rpcMethods)[M]>, options)
    } catch (error) {
      throw toRemoteError(error)
    }
  }

  async *stream<M extends StreamingMethod>(
    peer: PeerId,
    method: M,
    args: AsyncIterable<RpcMethods[M]['argument']>,
    options: AbortOptions
  ): AsyncGenerator<RpcMethods[M]['reply'], void, undefined> {
    try {
      yield* this.#client.stream(peer, method, args as AsyncIterable<ArgumentOf<(typeof rpcMethods)[M]>>, options)
    } catch (error) {
      throw toRemoteError(error)
    }
  }

  /** Extensions are protocol IDs, so that identify announces them. */
  async supports(peer: PeerId, extension: string): Promise<boolean> {
    if (!(await this.#libp2p.peerStore.has(peer))) return false
    const { protocols } = await this.#libp2p.peerStore.get(peer)
    return protocols.includes(extension)
  }
}

function toRemoteError(error: unknown): unknown {
  return error instanceof RpcError ? new ClusterError(codes[error.code], error.message, { cause: error }) : error
}
