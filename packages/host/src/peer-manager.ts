import type { AbortOptions, Libp2p, Logger, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import { AddressBook, lastPriority, type PeerAddresses, preferDns, shuffled } from './address-book.ts'
import { withoutPeer } from './announce.ts'
import { dialError } from './dial-error.ts'
import type { Attempt } from './found-peers.ts'
import { HostError } from './host-error.ts'
import { readPeerstore, writePeerstore } from './peerstore-file.ts'
import { type ResolveTxt, resolveDnsaddr } from './resolve-dnsaddr.ts'

/** How long one connection attempt of bootstrap, or the resolution of one name, may take. */
const attemptTimeoutMs = 5000
/** How long an address from the file of saved addresses holds. */
const savedTtlMs = 60 * 60 * 1000
/** libp2p forgets tags below keep-alive ones; the value also counts when connections are trimmed. */
const keepValue = 100
/** Tags that begin so make libp2p dial again when the connection ends. */
const keepPrefix = 'keep-alive'

/** Options of importing an address. */
export interface ImportOptions extends AbortOptions {
  /** Tries to connect in the background, 5 s, without telling the outcome. */
  readonly dial: boolean
  /** How long the address holds, in milliseconds; default forever. */
  readonly ttlMs?: number
  /** Order of connecting and saving; 0 is best and the default of a peer without one. */
  readonly priority?: number
}

/** Options of {@link PeerManager.bootstrap}. */
export interface BootstrapOptions extends AbortOptions {
  /** In order of priority, else in random order. */
  readonly byPriority: boolean
  /** Counts from zero, else from the number of open connections. */
  readonly force: boolean
}

interface Setup {
  readonly libp2p: Libp2p
  readonly log: Logger
  readonly peerstoreFile: string | undefined
  readonly secret: boolean
  readonly random: () => number
  readonly nowMs: () => number
  readonly resolveTxt: ResolveTxt
  readonly signal: AbortSignal
}

/**
 * Knows addresses of peers, and connects to them.
 *
 * @see behaviours.md §1.10, wire-host-rpc.md §1.10
 */
export class PeerManager {
  readonly #setup: Setup
  readonly #book: AddressBook
  readonly #kept = new Map<string, Set<string>>()

  constructor(setup: Setup) {
    this.#setup = setup
    this.#book = new AddressBook(setup.nowMs)
    setup.libp2p.addEventListener('peer:identify', ({ detail }) => {
      // The peer's own list has replaced what was given here.
      this.#quietly(this.#remind(detail.peerId))
    })
    setup.libp2p.addEventListener('peer:connect', ({ detail }) => {
      // libp2p drops the tags after some failed attempts.
      this.#quietly(this.#tag(detail))
    })
  }

  async importAddress(address: Multiaddr, options: ImportOptions): Promise<PeerId> {
    const resolved = await this.#bounded(options.signal, (signal) =>
      resolveDnsaddr(address, this.#setup.resolveTxt, { signal })
    )
    let last: PeerId | undefined
    for (const one of resolved) last = await this.#importOne(one, options)
    if (last === undefined) throw new HostError('no_resolved_addresses', `${address.toString()}: no resolved addresses`)
    return last
  }

  async bootstrap(count: number, options: BootstrapOptions): Promise<readonly PeerId[]> {
    const { libp2p, log, random } = this.#setup
    let left = options.force ? count : count - libp2p.getConnections().length
    if (left <= 0) return []
    const known = await this.#known(options)
    const mixed = shuffled(known, random)
    const order = options.byPriority
      ? mixed.sort((a, b) => this.#book.priority(a.peer) - this.#book.priority(b.peer))
      : mixed
    const connected: PeerId[] = []
    for (const { peer } of order) {
      if (left <= 0) break
      options.signal?.throwIfAborted()
      if (libp2p.getConnections(peer).length > 0) {
        left -= 1
        continue
      }
      try {
        await this.#bounded(options.signal, (signal) => this.connect(peer, { signal }))
        left -= 1
        connected.push(peer)
      } catch (error) {
        options.signal?.throwIfAborted()
        this.#setup.signal.throwIfAborted()
        this.#book.setPriority(peer, lastPriority)
        log.error('bootstrap: %s', error instanceof Error ? error.message : String(error))
      }
    }
    return connected
  }

  /** Connects to a peer by all addresses known of it. @throws HostError `dial_failed`, `wrong_secret` */
  async connect(peer: PeerId, options: AbortOptions = {}): Promise<void> {
    const signal = AbortSignal.any([this.#setup.signal, ...(options.signal === undefined ? [] : [options.signal])])
    signal.throwIfAborted()
    await this.#remind(peer)
    try {
      await this.#setup.libp2p.dial(peer, { signal })
    } catch (error) {
      options.signal?.throwIfAborted()
      throw dialError(peer, error, this.#setup.secret)
    }
  }

  /**
   * Connects to a peer that turned up on the network, and remembers its addresses when it is one of this cluster: those
   * of others would be tried again and again.
   */
  async tryFound(peer: PeerId, addresses: readonly Multiaddr[]): Promise<Attempt> {
    const { libp2p, secret, log } = this.#setup
    try {
      await this.#bounded(undefined, (signal) => libp2p.dial([...addresses], { signal }))
      for (const address of addresses) await this.importAddress(address, { dial: false })
      return 'connected'
    } catch (error) {
      if (this.#setup.signal.aborted) return 'unreachable'
      const reason = dialError(peer, error, secret)
      log('found by mDNS: %s', reason.message)
      return reason.code === 'wrong_secret' ? 'stranger' : 'unreachable'
    }
  }

  /** Ends all connections with a peer and connects again, in the background. */
  reconnect(peer: PeerId): void {
    const { libp2p, signal } = this.#setup
    this.#quietly(
      (async () => {
        await libp2p.hangUp(peer, { signal })
        await this.#bounded(undefined, (bounded) => this.connect(peer, { signal: bounded }))
      })()
    )
  }

  async keep(peer: PeerId, tag: string): Promise<void> {
    const tags = this.#kept.get(peer.toString()) ?? new Set()
    this.#kept.set(peer.toString(), tags.add(tag))
    this.#book.setPriority(peer, 0)
    for (const address of this.#book.addresses(peer)) this.#book.add(peer, address, undefined)
    await this.#tag(peer)
  }

  /** Whether the connection with a peer must not be trimmed. */
  isKept(peer: PeerId): boolean {
    return this.#kept.has(peer.toString())
  }

  /** Imports the file of saved addresses: for an hour, with priorities 1, 2, 3 … in its order. */
  async loadPeerstore(options: AbortOptions): Promise<readonly PeerId[]> {
    const { peerstoreFile, log } = this.#setup
    if (peerstoreFile === undefined) return []
    const lines = await readPeerstore(peerstoreFile, (line, error) => {
      log.error('error parsing multiaddr from %s: %s (%s)', peerstoreFile, line, String(error))
    })
    const peers = new Map<string, PeerId>()
    let priority = 1
    for (const address of lines) {
      try {
        const peer = await this.importAddress(address, { ...options, dial: false, ttlMs: savedTtlMs, priority })
        peers.set(peer.toString(), peer)
        priority += 1
      } catch (error) {
        options.signal?.throwIfAborted()
        log.error('%s: %s', peerstoreFile, error instanceof Error ? error.message : String(error))
      }
    }
    return [...peers.values()]
  }

  async savePeerstore(): Promise<void> {
    if (this.#setup.peerstoreFile === undefined) return
    const peers = shuffled(await this.#known({}), this.#setup.random)
    peers.sort((a, b) => this.#book.priority(a.peer) - this.#book.priority(b.peer))
    await writePeerstore(this.#setup.peerstoreFile, peers)
  }

  /** The known addresses of the given peers, best priority first; peers without any and this host are left out. */
  async peerInfos(peers: readonly PeerId[], options: AbortOptions = {}): Promise<readonly PeerAddresses[]> {
    const wanted = new Set(peers.map(String))
    const known = (await this.#known(options)).filter(({ peer }) => wanted.has(peer.toString()))
    return shuffled(known, this.#setup.random).sort((a, b) => this.#book.priority(a.peer) - this.#book.priority(b.peer))
  }

  async #importOne(address: Multiaddr, options: ImportOptions): Promise<PeerId> {
    const id = address.getComponents().findLast((part) => part.code === CODE_P2P)?.value
    if (id === undefined || address.getComponents().at(-1)?.code !== CODE_P2P) {
      throw new HostError('bad_address', `${address.toString()} does not end in /p2p/<peer ID>`)
    }
    const peer = peerIdFromString(id)
    if (peer.equals(this.#setup.libp2p.peerId)) return peer
    this.#book.add(peer, address, options.ttlMs)
    if (options.priority !== undefined) this.#book.setPriority(peer, options.priority)
    await this.#remind(peer)
    if (options.dial) {
      this.#quietly(this.#bounded(undefined, (signal) => this.connect(peer, { signal })))
    }
    return peer
  }

  /** Every peer with addresses, from the book and from what peers said of themselves. */
  async #known(options: AbortOptions): Promise<PeerAddresses[]> {
    const { libp2p } = this.#setup
    const found = new Map<string, { peer: PeerId; addresses: Map<string, Multiaddr> }>()
    const add = (peer: PeerId, addresses: readonly Multiaddr[]): void => {
      if (peer.equals(libp2p.peerId)) return
      const entry = found.get(peer.toString()) ?? { peer, addresses: new Map<string, Multiaddr>() }
      found.set(peer.toString(), entry)
      for (const address of addresses) entry.addresses.set(withoutPeer(address).toString(), withoutPeer(address))
    }
    for (const peer of this.#book.peers()) add(peer, this.#book.addresses(peer))
    for (const { id, addresses } of await libp2p.peerStore.all(options)) {
      add(
        id,
        addresses.map(({ multiaddr }) => multiaddr)
      )
    }
    // The list of a peer that has been connected for long may have expired.
    for (const connection of libp2p.getConnections()) {
      if (connection.direction === 'outbound') add(connection.remotePeer, [connection.remoteAddr])
    }
    return [...found.values()]
      .filter(({ addresses }) => addresses.size > 0)
      .map(({ peer, addresses }) => ({ peer, addresses: preferDns([...addresses.values()]) }))
  }

  /** Gives libp2p the addresses of the book again. */
  async #remind(peer: PeerId): Promise<void> {
    const addresses = this.#book.addresses(peer)
    if (addresses.length > 0) await this.#setup.libp2p.peerStore.merge(peer, { multiaddrs: [...addresses] })
  }

  async #tag(peer: PeerId): Promise<void> {
    const tags = this.#kept.get(peer.toString())
    if (tags === undefined) return
    await this.#setup.libp2p.peerStore.merge(peer, {
      tags: Object.fromEntries([...tags].map((tag) => [`${keepPrefix}-${tag}`, { value: keepValue }]))
    })
  }

  async #bounded<T>(signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signals = [this.#setup.signal, AbortSignal.timeout(attemptTimeoutMs)]
    return await run(AbortSignal.any(signal === undefined ? signals : [...signals, signal]))
  }

  #quietly(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!this.#setup.signal.aborted) this.#setup.log('%s', error instanceof Error ? error.message : String(error))
    })
  }
}
