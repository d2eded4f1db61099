import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { ServerId } from '../configuration.ts'
import type { Call } from '../core/output.ts'
import { RaftError } from '../errors.ts'
import type { Reply, Request } from '../messages.ts'
import type { Incoming, RaftLogger, RaftTransport } from '../ports.ts'
import { LaneStream } from './lane-stream.ts'
import { serveStream } from './serve-stream.ts'

/** The protocol of Go's cluster peers. @see wire-raft.md §2.1 */
export const RAFT_PROTOCOL = '/raft/1.0.0/rpc'

/** What is needed of libp2p. */
export interface RaftHost {
  handle(
    protocol: string,
    handler: (stream: Stream, connection: Connection) => void,
    options: { readonly maxInboundStreams: number; readonly maxOutboundStreams: number }
  ): Promise<void>
  unhandle(protocol: string): Promise<void>
  dialProtocol(
    peer: PeerId,
    protocol: string,
    options: { readonly signal: AbortSignal; readonly maxOutboundStreams: number }
  ): Promise<Stream>
}

/** How a {@link Libp2pTransport} works. */
export interface Libp2pTransportOptions {
  readonly host: RaftHost
  /** The peer that a server ID stands for. Throws if it stands for none. */
  readonly peerIdOf: (id: ServerId) => PeerId
  /** Time for a call, and for opening its stream; default 10 000. */
  readonly networkTimeoutMs?: number
  readonly logger?: RaftLogger
  /** Whether to refuse requests whose sender is not the peer of the stream; default true. */
  readonly checksSender?: boolean
}

const DEFAULT_NETWORK_TIMEOUT_MS = 10_000
/** A Go leader opens a stream for each call. */
const MAX_STREAMS = 1024
/** Bytes of a snapshot for each network timeout. */
const SNAPSHOT_BYTES_PER_TIMEOUT = 262_144

interface Lane {
  readonly epoch: number
  readonly stream: LaneStream
}

const nothing = (): void => undefined
const silent: RaftLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/**
 * Raft over libp2p streams, as Go's cluster peers speak it. Streams to a peer are kept, one for each lane.
 *
 * @see wire-raft.md §2.1, §4.4
 */
export class Libp2pTransport implements RaftTransport {
  readonly #options: Libp2pTransportOptions
  readonly #timeoutMs: number
  readonly #logger: RaftLogger
  readonly #lanes = new Map<string, Lane>()

  constructor(options: Libp2pTransportOptions) {
    this.#options = options
    this.#timeoutMs = options.networkTimeoutMs ?? DEFAULT_NETWORK_TIMEOUT_MS
    this.#logger = options.logger ?? silent
  }

  async serve(handler: (incoming: Incoming) => void): Promise<() => Promise<void>> {
    const { host, checksSender = true } = this.#options
    const stopping = new AbortController()
    const served = new Set<Promise<void>>()
    const onStream = (stream: Stream, connection: Connection): void => {
      const sender = connection.remotePeer.toString()
      const isSender = ({ header }: Request): boolean => !checksSender || header.id === '' || header.id === sender
      const done = serveStream(stream, { handler, logger: this.#logger, signal: stopping.signal, isSender })
      served.add(done)
      void done.finally(() => served.delete(done))
    }
    await host.handle(RAFT_PROTOCOL, onStream, { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS })
    return async () => {
      await host.unhandle(RAFT_PROTOCOL)
      stopping.abort()
      for (const { stream } of this.#lanes.values()) stream.close()
      this.#lanes.clear()
      await Promise.all(served)
    }
  }

  async call(
    { to, lane, epoch, request }: Call,
    data: AsyncIterable<Uint8Array> | undefined,
    { signal }: { readonly signal: AbortSignal }
  ): Promise<Reply> {
    signal.throwIfAborted()
    const key = `${to} ${lane}`
    const stream = this.#lane(key, to, epoch)
    const size = request.type === 'snapshot' ? request.size : 0
    const timeoutMs = this.#timeoutMs * Math.max(1, Math.floor(size / SNAPSHOT_BYTES_PER_TIMEOUT))
    const stop = (): void => {
      stream.close()
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      const reply = await stream.ask(request, data, timeoutMs)
      // these come rarely: an idle stream would only stay
      if ((lane === 'vote' || lane === 'snapshot') && this.#lanes.get(key)?.stream === stream) {
        stream.end()
        this.#lanes.delete(key)
      }
      return reply
    } catch (error) {
      this.#drop(key, stream)
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  forget(id: ServerId): void {
    for (const [key, { stream }] of this.#lanes) {
      if (!key.startsWith(`${id} `)) continue
      stream.close()
      this.#lanes.delete(key)
    }
  }

  #lane(key: string, to: ServerId, epoch: number): LaneStream {
    const known = this.#lanes.get(key)
    if (known !== undefined && known.epoch > epoch) throw new RaftError('RAFT_UNREACHABLE', 'given up')
    if (known?.epoch === epoch && known.stream.isOpen) return known.stream
    // what failed on this epoch stays failed: order would be lost
    if (known?.epoch === epoch) throw new RaftError('RAFT_UNREACHABLE', 'the stream has ended')
    known?.stream.end()
    const stream = new LaneStream((signal) => this.#open(to, signal))
    this.#lanes.set(key, { epoch, stream })
    return stream
  }

  #drop(key: string, stream: LaneStream): void {
    stream.close()
    if (this.#lanes.get(key)?.stream !== stream) return
    // an append that comes later on the same epoch must fail as well
    if (key.endsWith(' append')) return
    this.#lanes.delete(key)
  }

  async #open(to: ServerId, signal: AbortSignal): Promise<Stream> {
    const { host, peerIdOf } = this.#options
    const within = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)])
    return host.dialProtocol(peerIdOf(to), RAFT_PROTOCOL, { signal: within, maxOutboundStreams: MAX_STREAMS })
  }
}
