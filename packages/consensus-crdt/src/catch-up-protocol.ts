import {
  CATCH_UP_PROTOCOL,
  MAX_CATCH_UP_MESSAGE_BYTES,
  MAX_SERVED_PER_PEER,
  type CatchUpChannel,
  type CatchUpOptions,
  type CatchUpPeer,
  type MerkleCrdt
} from '@cluster/merkle-crdt'
import { closeWrite, readMessages, readStream, writeMessage } from '@cluster/streams'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'

/** The peer's libp2p node, as far as catching up needs it. */
export type CatchUpHost = Pick<
  Libp2p,
  'handle' | 'unhandle' | 'register' | 'unregister' | 'getPeers' | 'getConnections' | 'peerStore'
>

/** What a {@link CatchUpProtocol} works with. */
export interface CatchUpProtocolParts {
  readonly libp2p: CatchUpHost
  /** The topic of the cluster. */
  readonly topic: string
  /** Whether an empty store takes in a snapshot, and whether it fetches old blocks afterwards. Default true. */
  readonly snapshots?: boolean | undefined
  readonly archive?: boolean | undefined
  isTrusted(peer: PeerId): boolean
}

/** Time for a stream to go down in order. */
const CLOSE_MS = 5000

/**
 * The protocol `/ipfs-cluster-ts/crdt/1.0.0` on the cluster's own libp2p host: identify tells peers of this
 * implementation of it, and Go peers do not ask. Streams of peers that say another topic are closed.
 *
 * @see wire-crdt.md §7.3 P10
 */
export class CatchUpProtocol {
  readonly #parts: CatchUpProtocolParts
  /** Connected peers that speak it. */
  readonly #peers = new Map<string, PeerId>()
  #topology: string | undefined
  #isStopped = false

  constructor(parts: CatchUpProtocolParts) {
    this.#parts = parts
  }

  /** What a store is opened with. */
  get options(): CatchUpOptions {
    const { topic, snapshots, archive } = this.#parts
    return { topic, snapshots, archive, peers: () => this.#list() }
  }

  /** Looks for peers: before the store is opened, which may go on with a snapshot. */
  async watch(): Promise<void> {
    const { libp2p } = this.#parts
    this.#topology = await libp2p.register(CATCH_UP_PROTOCOL, {
      onConnect: (peer) => {
        this.#peers.set(peer.toString(), peer)
      },
      onDisconnect: (peer) => {
        this.#peers.delete(peer.toString())
      }
    })
    // those who came before nobody tells of
    await Promise.all(
      libp2p.getPeers().map(async (peer) => {
        try {
          const { protocols } = await libp2p.peerStore.get(peer)
          if (protocols.includes(CATCH_UP_PROTOCOL)) this.#peers.set(peer.toString(), peer)
        } catch {
          // gone meanwhile
        }
      })
    )
  }

  /** Answers peers from this store. */
  async serve(crdt: MerkleCrdt): Promise<void> {
    await this.#parts.libp2p.handle(
      CATCH_UP_PROTOCOL,
      (stream: Stream, connection: Connection) =>
        crdt.serveCatchUp(streamChannel(stream), connection.remotePeer.toString()),
      { maxInboundStreams: MAX_SERVED_PER_PEER }
    )
    if (this.#isStopped) await this.#parts.libp2p.unhandle(CATCH_UP_PROTOCOL)
  }

  /** The store, when it is closed, ends the conversations. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#peers.clear()
    if (this.#topology !== undefined) this.#parts.libp2p.unregister(this.#topology)
    this.#topology = undefined
    await this.#parts.libp2p.unhandle(CATCH_UP_PROTOCOL)
  }

  /** Trusted ones first: only they may give a snapshot. */
  #list(): CatchUpPeer[] {
    const peers = [...this.#peers.values()].map((peer): CatchUpPeer => ({
      id: peer.toString(),
      isTrusted: this.#parts.isTrusted(peer),
      open: async ({ signal }) => {
        const connection = this.#parts.libp2p.getConnections(peer).find(({ status }) => status === 'open')
        if (connection === undefined) throw new Error(`${peer.toString()} is not connected`)
        return streamChannel(await connection.newStream(CATCH_UP_PROTOCOL, signal === undefined ? {} : { signal }))
      }
    }))
    return peers.sort((a, b) => Number(b.isTrusted) - Number(a.isTrusted))
  }
}

/** Messages over a stream. Listens at once, and holds the other side back while nobody reads. */
function streamChannel(stream: Stream): CatchUpChannel {
  const ended = new AbortController()
  const messages = readMessages(readStream(stream, { signal: ended.signal }), {
    maxLength: MAX_CATCH_UP_MESSAGE_BYTES
  })
  let isClosed = false
  return {
    read: async () => {
      const next = await messages.next()
      return next.done === true ? undefined : next.value
    },
    write: (message, options) => writeMessage(stream, message, options),
    close: (reason) => {
      if (isClosed) return
      isClosed = true
      if (reason === undefined) {
        closeWrite(stream, { signal: AbortSignal.timeout(CLOSE_MS) }).catch((error: unknown) => {
          stream.abort(error instanceof Error ? error : new Error(String(error)))
        })
        return
      }
      ended.abort(reason)
      stream.abort(reason)
    }
  }
}
