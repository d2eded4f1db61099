import type { AbortOptions, Libp2p, Logger, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerAddresses } from './address-book.ts'
import type { Gossip } from './gossip.ts'
import { watchGossipStreams } from './gossip-streams.ts'
import { FoundPeers } from './found-peers.ts'
import { HostError } from './host-error.ts'
import { Mdns } from './mdns.ts'
import { type BootstrapOptions, type ImportOptions, PeerManager } from './peer-manager.ts'
import type { ResolveTxt } from './resolve-dnsaddr.ts'
import { joinTopic, type Topic } from './topic.ts'
import type { Traffic, TrafficMeter } from './traffic.ts'
import { chooseToTrim, type WaterMarks } from './trim.ts'

/** Connections are trimmed at most so often. */
const trimIntervalMs = 10_000

/** @internal */
export interface HostSetup {
  readonly libp2p: Libp2p
  readonly gossip: Gossip
  readonly log: Logger
  readonly marks: WaterMarks
  readonly peerstoreFile: string | undefined
  readonly secret: boolean
  readonly random: () => number
  readonly nowMs: () => number
  readonly resolveTxt: ResolveTxt
  readonly traffic: TrafficMeter
  /** What mDNS tells others; without it there is none. */
  readonly mdnsAddresses?: () => readonly Multiaddr[]
}

/** The libp2p node of a cluster peer, made by {@link createHost}. Stop it when done. */
export class Host {
  /** The node: for protocols, connections and events of libp2p. */
  readonly libp2p: Libp2p
  readonly #setup: HostSetup
  readonly #peers: PeerManager
  readonly #topics = new Map<string, Topic>()
  readonly #stopping = new AbortController()
  readonly #endWatch: () => void
  readonly #mdns: Mdns | undefined
  #trimmedMs = -Infinity
  #stopped: Promise<void> | undefined

  /** @internal */
  constructor(setup: HostSetup) {
    this.libp2p = setup.libp2p
    this.#setup = setup
    this.#peers = new PeerManager({ ...setup, signal: this.#stopping.signal })
    this.#endWatch = watchGossipStreams(setup.libp2p, setup.gossip, (peer) => {
      setup.log.error('the gossip stream to %p ended: connecting anew', peer)
      this.#peers.reconnect(peer)
    })
    setup.libp2p.addEventListener('connection:open', this.#trimLater)
    this.#mdns = setup.mdnsAddresses === undefined ? undefined : this.#startMdns(setup.mdnsAddresses)
  }

  get peerId(): PeerId {
    return this.libp2p.peerId
  }

  /** Addresses told to others, each with `/p2p/<own ID>`. */
  addresses(): readonly Multiaddr[] {
    return this.libp2p.getMultiaddrs()
  }

  /**
   * Joins a gossip topic. Read its messages at once: what nobody reads gives way to newer ones.
   *
   * @param validate - by the signer of a message, whether it is taken and passed on; own messages always are
   * @param onDropped - told of each message that gave way because the reader was too slow, and how many that were
   * @throws HostError `topic_unavailable` when subscribed already, `stopped`
   */
  subscribe(topic: string, validate?: (from: PeerId) => boolean, onDropped?: (sum: number) => void): Topic {
    this.#assertRunning()
    if (this.#topics.has(topic)) throw new HostError('topic_unavailable', `topic ${topic} is subscribed already`)
    const left = (): void => {
      this.#topics.delete(topic)
    }
    const joined = joinTopic(this.#setup.gossip, topic, { validate, left, onDropped })
    this.#topics.set(topic, joined)
    return joined
  }

  /**
   * Holds on to the connection with a peer: it is not trimmed, and dialled again when it ends. Does not connect. The
   * addresses that are known of it hold forever, and it comes first among those to connect to.
   *
   * @param tag - who wants it, so that several may
   */
  async keep(peer: PeerId, tag: string): Promise<void> {
    await this.#peers.keep(peer, tag)
  }

  /**
   * Remembers an address that ends in `/p2p/<peer ID>`; one that begins with `/dnsaddr` is resolved (5 s).
   *
   * @returns the peer; the own ID is returned and not remembered
   * @throws HostError `bad_address`, `no_resolved_addresses`
   */
  async importAddress(address: Multiaddr, options: ImportOptions): Promise<PeerId> {
    this.#assertRunning()
    return await this.#peers.importAddress(address, options)
  }

  /**
   * Connects to known peers, one after the other (5 s each), until `count` are connected; peers that are connected
   * already count. One that fails goes to the end of the order.
   *
   * @returns those newly connected; nothing when none could be reached, with the reasons in the log
   */
  async bootstrap(count: number, options: BootstrapOptions): Promise<readonly PeerId[]> {
    this.#assertRunning()
    return await this.#peers.bootstrap(count, options)
  }

  /**
   * Connects to one peer by what is known of it.
   *
   * @throws HostError `dial_failed` with the reasons; `wrong_secret`
   */
  async connect(peer: PeerId, options: AbortOptions = {}): Promise<void> {
    this.#assertRunning()
    await this.#peers.connect(peer, options)
  }

  /**
   * Refreshes what the host knows of the network by asking its peer routers for the peers closest to itself. A host
   * without routers knows only what it was given, and has nothing to do.
   */
  async refreshRouting(options: AbortOptions): Promise<void> {
    this.#assertRunning()
    try {
      const key = this.peerId.toMultihash().bytes
      for await (const { id, multiaddrs } of this.libp2p.peerRouting.getClosestPeers(key, options)) {
        if (multiaddrs.length > 0) await this.libp2p.peerStore.merge(id, { multiaddrs }, options)
      }
    } catch (error) {
      if (!(error instanceof Error && error.name === 'NoPeerRoutersError')) throw error
    }
  }

  /**
   * Imports the file of saved addresses: each line for one hour, with priorities 1, 2, 3 … in its order. A missing
   * file is empty; bad lines are logged and left out.
   *
   * @throws HostError `peerstore_file`
   */
  async loadPeerstore(options: AbortOptions = {}): Promise<readonly PeerId[]> {
    this.#assertRunning()
    return await this.#peers.loadPeerstore(options)
  }

  /**
   * Writes the addresses of all known peers to the file, best priority first.
   *
   * @throws HostError `peerstore_file`
   */
  async savePeerstore(): Promise<void> {
    this.#assertRunning()
    await this.#peers.savePeerstore()
  }

  /** The known addresses of the given peers, best priority first; peers without any and this host are left out. */
  async peerInfos(peers: readonly PeerId[], options: AbortOptions = {}): Promise<readonly PeerAddresses[]> {
    return await this.#peers.peerInfos(peers, options)
  }

  /** Bytes sent and received by protocol, since the host was started. */
  bandwidth(): ReadonlyMap<string, Traffic> {
    return this.#setup.traffic.read()
  }

  /** Leaves all topics, ends all connections and stops listening. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new HostError('stopped', 'the host was stopped'))
    this.#endWatch()
    await this.#mdns?.stop()
    this.libp2p.removeEventListener('connection:open', this.#trimLater)
    for (const topic of this.#topics.values()) topic.unsubscribe()
    await this.libp2p.stop()
  }

  #startMdns(addresses: () => readonly Multiaddr[]): Mdns {
    const { log, nowMs, random } = this.#setup
    const peers = new FoundPeers({
      isConnected: (peer) => this.libp2p.getConnections(peer).length > 0,
      attempt: (peer, found) => this.#peers.tryFound(peer, found),
      nowMs
    })
    const mdns = new Mdns({
      addresses,
      random,
      onFound: (id, found) => {
        const peer = this.#stopping.signal.aborted ? undefined : parsePeer(id)
        if (peer !== undefined && !peer.equals(this.peerId)) peers.found(peer, found)
      },
      onTrouble: (reason) => {
        log.error('mDNS could not be started: %s', reason)
      }
    })
    mdns.start()
    return mdns
  }

  #assertRunning(): void {
    this.#stopping.signal.throwIfAborted()
  }

  readonly #trimLater = (): void => {
    const { marks, nowMs, log } = this.#setup
    if (this.libp2p.getConnections().length <= marks.highWater || nowMs() - this.#trimmedMs < trimIntervalMs) return
    this.#trimmedMs = nowMs()
    this.#trim().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) log.error('closing connections: %s', String(error))
    })
  }

  /** Closes connections down to the low-water mark. */
  async #trim(): Promise<void> {
    const candidates = await Promise.all(
      this.libp2p.getConnections().map(async (connection) => ({
        connection,
        openedMs: connection.timeline.open,
        value: await this.#valueOf(connection.remotePeer),
        kept: this.#peers.isKept(connection.remotePeer)
      }))
    )
    const chosen = chooseToTrim(candidates, this.#setup.marks, this.#setup.nowMs())
    await Promise.allSettled(chosen.map((connection) => connection.close({ signal: this.#stopping.signal })))
  }

  async #valueOf(peer: PeerId): Promise<number> {
    try {
      const { tags } = await this.libp2p.peerStore.get(peer)
      return [...tags.values()].reduce((sum, tag) => sum + tag.value, 0)
    } catch {
      return 0
    }
  }
}

function parsePeer(id: string): PeerId | undefined {
  try {
    return peerIdFromString(id)
  } catch {
    return undefined
  }
}
