import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  ClusterError,
  isClusterError,
  toClusterError,
  type Remote,
  type RpcCall,
  type RpcHandlers,
  type RpcMethod,
  type RpcMethods,
  type StreamingMethod,
  type UnaryMethod
} from '@cluster/api'

/** What happens to a call on its way: nothing, it never arrives, it is refused, or it is never answered. */
export type Fate = 'arrives' | 'lost' | 'refused' | 'hangs'

interface Seat {
  readonly handlers: RpcHandlers
  readonly extensions: ReadonlySet<string>
}

/** Peers of one process that call each other's handlers. */
export class MemoryRpc {
  readonly #seats = new Map<string, Seat>()
  /** Decides the fate of each call; tests change it. */
  fate: (from: PeerId, to: PeerId, method: RpcMethod) => Fate = () => 'arrives'
  /** Every call, in order. */
  readonly calls: { readonly from: PeerId; readonly to: PeerId; readonly method: RpcMethod }[] = []

  /** Makes a peer reachable. */
  register(peer: PeerId, handlers: RpcHandlers, extensions: Iterable<string> = []): void {
    this.#seats.set(peer.toString(), { handlers, extensions: new Set(extensions) })
  }

  /** Makes a peer unreachable. */
  remove(peer: PeerId): void {
    this.#seats.delete(peer.toString())
  }

  /** The port as one peer sees it. */
  remoteOf(from: PeerId): Remote {
    return {
      call: (to, method, argument, options) => this.#call(from, to, method, argument, options),
      stream: (to, method, args, options) => this.#stream(from, to, method, args, options),
      supports: (to, extension) => Promise.resolve().then(() => this.#seatOf(to).extensions.has(extension))
    }
  }

  #seatOf(peer: PeerId): Seat {
    const seat = this.#seats.get(peer.toString())
    if (seat === undefined) throw new ClusterError('PEER_UNREACHABLE', `failed to dial: ${peer.toString()}`)
    return seat
  }

  async #reach(from: PeerId, to: PeerId, method: RpcMethod, { signal }: AbortOptions): Promise<Seat> {
    this.calls.push({ from, to, method })
    signal?.throwIfAborted()
    switch (this.fate(from, to, method)) {
      case 'lost':
        throw new ClusterError('PEER_UNREACHABLE', `failed to dial: ${to.toString()}`)
      case 'refused':
        throw new ClusterError('UNAUTHORIZED', `client does not have permissions to call ${method}`)
      case 'hangs':
        return await new Promise((_, reject) => {
          signal?.addEventListener('abort', () => {
            reject(toClusterError(signal.reason, 'ABORTED'))
          })
        })
      case 'arrives':
        return this.#seatOf(to)
    }
  }

  async #call<M extends UnaryMethod>(
    from: PeerId,
    to: PeerId,
    method: M,
    argument: RpcMethods[M]['argument'],
    options: AbortOptions
  ): Promise<RpcMethods[M]['reply']> {
    const { handlers } = await this.#reach(from, to, method, options)
    // One method's handler takes that method's argument; the union of all does not say so.
    const handler = handlers[method] as
      ((argument: RpcMethods[M]['argument'], call: RpcCall) => Promise<RpcMethods[M]['reply']>) | undefined
    if (handler === undefined) throw missing(method)
    return await handler(argument, callOf(from, options)).catch(asRemote)
  }

  async *#stream<M extends StreamingMethod>(
    from: PeerId,
    to: PeerId,
    method: M,
    args: AsyncIterable<RpcMethods[M]['argument']>,
    options: AbortOptions
  ): AsyncGenerator<RpcMethods[M]['reply'], void, undefined> {
    const { handlers } = await this.#reach(from, to, method, options)
    const handler = handlers[method] as
      | ((args: AsyncIterable<RpcMethods[M]['argument']>, call: RpcCall) => AsyncIterable<RpcMethods[M]['reply']>)
      | undefined
    if (handler === undefined) throw missing(method)
    try {
      yield* handler(args, callOf(from, options))
    } catch (error) {
      asRemote(error)
    }
  }
}

function callOf(peer: PeerId, { signal }: AbortOptions): RpcCall {
  return { peer, signal: signal ?? new AbortController().signal }
}

function missing(method: string): ClusterError {
  return new ClusterError('REMOTE', `rpc: can't find method ${method}`)
}

/** Over a wire only the text of an error survives. */
function asRemote(error: unknown): never {
  if (isClusterError(error, 'ABORTED', 'TIMEOUT')) throw error
  throw new ClusterError('REMOTE', toClusterError(error).message)
}
