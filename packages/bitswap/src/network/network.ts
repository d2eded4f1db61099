import type { Clock } from '@cluster/api'
import type { Connection, Libp2p, Logger, PeerId, Stream } from '@libp2p/interface'
import type { DecodedMessage } from '../wire/message.ts'
import { readInbound } from './inbound.ts'
import { PeerLink, type PeerVoice } from './peer-link.ts'

/** What this package uses of a libp2p host. @see bitswap.md §4.3.1 */
export type BitswapHost = Pick<
  Libp2p,
  | 'peerId'
  | 'handle'
  | 'unhandle'
  | 'register'
  | 'unregister'
  | 'getConnections'
  | 'dial'
  | 'peerStore'
  | 'addEventListener'
  | 'removeEventListener'
>

/** Who hears what the network does. */
export interface NetworkHandlers {
  connected(peer: PeerId): void
  disconnected(peer: PeerId): void
  active(peer: string): void
  /** Called for one message after another of a stream. */
  message(peer: string, message: DecodedMessage): Promise<void>
  voice(peer: string): PeerVoice
}

/** Settings of the network. @see bitswap.md §4.3.3 */
export interface NetworkSettings {
  readonly protocolPrefix: string
  /** Served and dialed, best first, without the prefix. */
  readonly protocols: readonly string[]
  readonly runOnLimitedConnections: boolean
  readonly laneIdleMs: number
  /** Of one connection. */
  readonly maxInboundStreams: number
  readonly maxOutboundStreams: number
  /** Of one peer, over all its connections. */
  readonly inboundStreamsPerPeer: number
}

/**
 * Bitswap on a libp2p host: which peers speak it, what they send, and the ways to them.
 *
 * @see bitswap.md §4.6
 */
export class Network {
  readonly #host: BitswapHost
  readonly #settings: NetworkSettings
  readonly #handlers: NetworkHandlers
  readonly #clock: Clock
  readonly #log: Logger | undefined
  readonly #protocols: string[]
  readonly #links = new Map<string, PeerLink>()
  readonly #inbound = new Map<string, number>()
  readonly #reading = new Set<Promise<void>>()
  #stopping = new AbortController()
  #topologies: string[] = []

  constructor(host: BitswapHost, settings: NetworkSettings, handlers: NetworkHandlers, clock: Clock, log?: Logger) {
    this.#host = host
    this.#settings = settings
    this.#handlers = handlers
    this.#clock = clock
    this.#log = log
    this.#protocols = settings.protocols.map((protocol) => settings.protocolPrefix + protocol)
  }

  /** Serves the protocols and looks for peers that speak them. @throws DuplicateProtocolHandlerError */
  async start(): Promise<void> {
    this.#stopping = new AbortController()
    const { maxInboundStreams, maxOutboundStreams, runOnLimitedConnections } = this.#settings
    const options = { maxInboundStreams, maxOutboundStreams, runOnLimitedConnection: runOnLimitedConnections }
    const topology = {
      notifyOnLimitedConnection: runOnLimitedConnections,
      onConnect: (peer: PeerId) => {
        this.#connected(peer)
      },
      onDisconnect: (peer: PeerId) => {
        if (!this.#isConnected(peer)) this.#disconnected(peer)
      }
    }
    await this.#host.handle(this.#protocols, this.#onStream, options)
    try {
      for (const protocol of this.#protocols) this.#topologies.push(await this.#host.register(protocol, topology))
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#host.addEventListener('peer:disconnect', this.#onPeerDisconnect)
    await this.#adopt()
  }

  /** Ends the lanes gracefully and leaves the host as it was. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('bitswap is stopped'))
    this.#host.removeEventListener('peer:disconnect', this.#onPeerDisconnect)
    for (const id of this.#topologies.splice(0)) this.#host.unregister(id)
    await this.#host.unhandle(this.#protocols)
    const links = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(links.map((link) => link.close()))
    await Promise.all(this.#reading)
    for (const { peer } of links) this.#handlers.disconnected(peer)
  }

  /** Peers that speak Bitswap and take messages. */
  *peers(): Generator<PeerId, void, undefined> {
    for (const link of this.#links.values()) {
      if (link.isResponsive) yield link.peer
    }
  }

  peer(name: string): PeerId | undefined {
    return this.#links.get(name)?.peer
  }

  wakeWants(peer: string): void {
    this.#links.get(peer)?.wakeWants()
  }

  wakeResponses(peer: string): void {
    this.#links.get(peer)?.wakeResponses()
  }

  /** Peers that were connected before. Those not identified yet are reported later. */
  async #adopt(): Promise<void> {
    for (const { remotePeer, limits } of this.#host.getConnections()) {
      if (limits !== undefined && !this.#settings.runOnLimitedConnections) continue
      const known = await this.#host.peerStore.get(remotePeer).catch(() => undefined)
      if (known?.protocols.some((protocol) => this.#protocols.includes(protocol)) === true) this.#connected(remotePeer)
    }
  }

  #connected(peer: PeerId): void {
    const name = peer.toString()
    if (this.#stopping.signal.aborted || this.#links.has(name) || !this.#isConnected(peer)) return
    const { protocolPrefix, laneIdleMs } = this.#settings
    const link = new PeerLink(peer, {
      clock: this.#clock,
      voice: this.#handlers.voice(name),
      protocolPrefix,
      idleMs: laneIdleMs,
      open: (signal) => this.#open(peer, signal),
      responsive: (state) => {
        this.#log?.('%p is %s', peer, state ? 'responsive again' : 'unresponsive')
        if (state) this.#handlers.connected(peer)
        else this.#handlers.disconnected(peer)
      }
    })
    this.#links.set(name, link)
    this.#handlers.connected(peer)
  }

  #disconnected(peer: PeerId): void {
    const link = this.#links.get(peer.toString())
    if (link === undefined) return
    this.#links.delete(link.name)
    link.abort()
    this.#handlers.disconnected(peer)
  }

  #isConnected(peer: PeerId): boolean {
    return this.#usable(peer) !== undefined
  }

  #usable(peer: PeerId): Connection | undefined {
    return this.#host
      .getConnections(peer)
      .find(
        ({ status, limits }) => status === 'open' && (limits === undefined || this.#settings.runOnLimitedConnections)
      )
  }

  async #open(peer: PeerId, signal: AbortSignal): Promise<Stream> {
    const connection = this.#usable(peer)
    if (connection === undefined) throw new Error(`no connection with ${peer.toString()}`)
    const { maxOutboundStreams, runOnLimitedConnections } = this.#settings
    return await connection.newStream(this.#protocols, {
      signal,
      maxOutboundStreams,
      runOnLimitedConnection: runOnLimitedConnections
    })
  }

  readonly #onPeerDisconnect = (event: CustomEvent<PeerId>): void => {
    if (!this.#isConnected(event.detail)) this.#disconnected(event.detail)
  }

  readonly #onStream = (stream: Stream, connection: Connection): void => {
    const peer = connection.remotePeer
    const name = peer.toString()
    const open = this.#inbound.get(name) ?? 0
    if (this.#stopping.signal.aborted || open >= this.#settings.inboundStreamsPerPeer) {
      stream.abort(new Error('too many inbound streams'))
      return
    }
    this.#inbound.set(name, open + 1)
    const reading = this.#read(stream, connection, name).finally(() => {
      this.#reading.delete(reading)
      const left = (this.#inbound.get(name) ?? 1) - 1
      if (left === 0) this.#inbound.delete(name)
      else this.#inbound.set(name, left)
    })
    this.#reading.add(reading)
  }

  async #read(stream: Stream, connection: Connection, name: string): Promise<void> {
    const handlers = {
      active: () => {
        this.#handlers.active(name)
      },
      message: async (message: DecodedMessage) => {
        // What a closed connection still had buffered is of a peer whose books are closed.
        if (connection.status !== 'open') return
        this.#connected(connection.remotePeer)
        this.#links.get(name)?.heard()
        await this.#handlers.message(name, message)
      }
    }
    try {
      await readInbound(stream, handlers, this.#stopping.signal)
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log?.('a stream of %p ended - %e', connection.remotePeer, error)
    }
  }
}
