import type { Clock } from '@cluster/api'
import { type AbortOptions, type Logger, type PeerId, TypedEventEmitter } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { blockKey } from './cid/key.ts'
import { parseCid } from './cid/parse.ts'
import { Client } from './client/client.ts'
import { Fetcher } from './client/fetcher.ts'
import { Notifications } from './client/notifications.ts'
import { InvalidOptionError } from './errors.ts'
import type {
  Bitswap,
  BitswapComponents,
  BitswapEvents,
  BitswapSession,
  GetBlocksOptions,
  PeerTarget,
  PeerWantlistItem,
  ReceivedBlock,
  Receipt,
  SessionOptions,
  WantlistItem,
  WantOptions
} from './interface.ts'
import { Network } from './network/network.ts'
import type { PeerVoice } from './network/peer-link.ts'
import type { LaneMessage } from './network/lane.ts'
import { type BitswapInit, type BitswapSettings, resolveOptions } from './options.ts'
import { receiveAnswers } from './receive-answers.ts'
import { Server } from './server/server.ts'
import { type BitswapStat, Statistics } from './statistics.ts'
import { systemClock } from './system-clock.ts'
import { Verifier } from './verify/verifier.ts'

/**
 * Makes a Bitswap client and server for a libp2p host. It has no effect until `start()`.
 *
 * @throws InvalidOptionError
 * @see bitswap.md §4.3.1
 * @example
 * ```ts
 * const bitswap = createBitswap({ libp2p, blockstore })
 * await bitswap.start()
 * const bytes = await bitswap.want(cid, { signal: AbortSignal.timeout(30_000) })
 * ```
 */
export function createBitswap(components: BitswapComponents, init: BitswapInit = {}): Bitswap {
  return new BitswapNode(components, init)
}

class BitswapNode extends TypedEventEmitter<BitswapEvents> implements Bitswap {
  readonly #components: BitswapComponents
  readonly #init: BitswapInit
  readonly #settings: BitswapSettings
  readonly #clock: Clock
  readonly #log: Logger | undefined
  readonly #verifier: Verifier
  readonly #notifications = new Notifications()
  readonly #statistics = new Statistics()
  readonly #network: Network
  readonly #client: Client | undefined
  readonly #fetcher: Fetcher | undefined
  #server: Server | undefined
  #stopping: AbortController | undefined

  constructor(components: BitswapComponents, init: BitswapInit) {
    super()
    this.#components = components
    this.#init = init
    this.#settings = resolveOptions(init)
    this.#clock = components.clock ?? systemClock
    this.#log = components.logger?.forComponent('bitswap')
    this.#verifier = new Verifier(components.getHasher)
    const { libp2p, random = Math.random } = components
    const handlers = {
      connected: (peer: PeerId) => {
        this.#connected(peer)
      },
      disconnected: (peer: PeerId) => {
        this.#disconnected(peer)
      },
      active: (peer: string) => {
        this.#client?.active(peer, this.#clock.nowMs())
      },
      message: this.#onMessage,
      voice: (peer: string) => this.#voice(peer)
    }
    this.#network = new Network(libp2p, this.#settings.network, handlers, this.#clock, this.#log)
    if (this.#settings.client === undefined) return
    const wake = (peer: string): void => {
      this.#network.wakeWants(peer)
    }
    const client = new Client(this.#settings.client, wake, random)
    this.#client = client
    this.#fetcher = new Fetcher({
      client,
      notifications: this.#notifications,
      verifier: this.#verifier,
      clock: this.#clock,
      minDigestBytes: this.#settings.minDigestBytes,
      dial: async (target: PeerTarget, options: AbortOptions) => (await libp2p.dial(target, options)).remotePeer,
      peer: (name) => this.#network.peer(name)
    })
  }

  async start(): Promise<void> {
    if (this.#stopping !== undefined) return
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#server = this.#createServer(stopping.signal)
    this.#fetcher?.start()
    try {
      await this.#network.start()
    } catch (error) {
      this.#fetcher?.stop()
      this.#stopping = undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    if (this.#stopping === undefined) return
    const stopping = this.#stopping
    this.#stopping = undefined
    this.#fetcher?.stop()
    stopping.abort()
    await this.#network.stop()
  }

  async want(cid: CID, options?: WantOptions): Promise<Uint8Array> {
    return (await this.wantBlock(cid, options)).bytes
  }

  async wantBlock(cid: CID, options?: WantOptions): Promise<ReceivedBlock> {
    const session = this.createSession()
    try {
      return await session.wantBlock(cid, options)
    } finally {
      session.close()
    }
  }

  async *getBlocks(
    cids: Iterable<CID> | AsyncIterable<CID>,
    options?: GetBlocksOptions
  ): AsyncGenerator<ReceivedBlock, void, undefined> {
    const session = this.createSession()
    try {
      yield* session.getBlocks(cids, options)
    } finally {
      session.close()
    }
  }

  createSession(options?: SessionOptions): BitswapSession {
    if (this.#fetcher === undefined) throw new InvalidOptionError('the client is switched off')
    return this.#fetcher.open(options)
  }

  async notify(cid: CID, bytes?: Uint8Array, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    const key = blockKey(cid)
    const wire = parseCid(cid.bytes)
    if (wire === undefined) return
    this.#client?.localBlocks([key], this.#clock.nowMs())
    if (this.#notifications.isAwaited(key)) {
      const found = bytes ?? (await this.#server?.read(wire))
      if (found !== undefined) this.#notifications.deliver(key, { bytes: found })
    }
    await this.#server?.announced(wire, bytes?.length)
  }

  async notifyMany(
    blocks: Iterable<{ readonly cid: CID; readonly bytes?: Uint8Array }>,
    options?: AbortOptions
  ): Promise<void> {
    for (const { cid, bytes } of blocks) await this.notify(cid, bytes, options)
  }

  *wantlist(): Generator<WantlistItem, void, undefined> {
    for (const { forms, type, broadcast, askedPeers } of this.#client?.wantlist() ?? []) {
      yield { cid: CID.decode(forms[0].bytes), type, broadcast, askedPeers }
    }
  }

  *wantlistForPeer(peer: PeerId): Generator<PeerWantlistItem, void, undefined> {
    for (const { cid, type, priority, sendDontHave, block } of this.#server?.engine.wantlist(peer.toString()) ?? []) {
      yield { cid: CID.decode(cid.bytes), type, priority, sendDontHave, missing: block === 'missing' }
    }
  }

  ledgerForPeer(peer: PeerId): Receipt {
    return this.#statistics.receipt(peer)
  }

  peers(): Iterable<PeerId> {
    return this.#network.peers()
  }

  stat(): BitswapStat {
    return this.#statistics.stat(
      [...this.wantlist()].map(({ cid }) => cid.toString()),
      [...this.peers()].map(String)
    )
  }

  #createServer(signal: AbortSignal): Server | undefined {
    const { server, network } = this.#settings
    if (server === undefined) return undefined
    const filter = this.#init.server === false ? undefined : this.#init.server?.peerBlockRequestFilter
    const mayHave = (name: string, cid: { readonly bytes: Uint8Array }): boolean => {
      const peer = filter && this.#network.peer(name)
      return peer === undefined || filter?.(peer, CID.decode(cid.bytes)) !== false
    }
    const wake = (peer: string): void => {
      this.#network.wakeResponses(peer)
    }
    this.#log?.trace('serving %s', network.protocols.join(', '))
    return new Server({ ...server, mayHave }, this.#components.blockstore, wake, signal, this.#log)
  }

  #connected(peer: PeerId): void {
    const name = peer.toString()
    this.#statistics.peerConnected(name)
    this.#server?.engine.peerConnected(name)
    this.#client?.peerConnected(name, this.#clock.nowMs())
    this.safeDispatchEvent('peer:available', { detail: peer })
  }

  #disconnected(peer: PeerId): void {
    const name = peer.toString()
    this.#statistics.peerDisconnected(name)
    this.#server?.engine.peerDisconnected(name)
    this.#client?.peerDisconnected(name, this.#clock.nowMs())
    this.safeDispatchEvent('peer:unavailable', { detail: peer })
  }

  readonly #onMessage: ConstructorParameters<typeof Network>[2]['message'] = async (name, message) => {
    this.#statistics.messageReceived(name, message.blocks.length)
    const lookedUp =
      message.entries.length > 0 || message.full
        ? this.#server?.received(name, message.entries, message.full)
        : undefined
    const from = this.#network.peer(name)
    if (this.#client !== undefined && from !== undefined) {
      const arrived = await receiveAnswers(name, message, this.#client, this.#verifier, this.#clock)
      for (const { key, bytes, prefix, wanted } of arrived) {
        const duplicate = this.#statistics.received(name, key, bytes.length) && !wanted
        if (wanted) this.#notifications.deliver(key, { bytes, from })
        if (this.listenerCount('block:received') > 0) {
          const digest = CID.decode(Buffer.from(`\x01\x55${key}`, 'latin1')).multihash
          const cid = prefix.version === 0 ? CID.createV0(digest as never) : CID.createV1(prefix.codec, digest)
          const detail = { cid, from, size: bytes.length, duplicate }
          this.safeDispatchEvent('block:received', { detail })
        }
      }
    }
    await lookedUp
  }

  /** What we have to say to a peer. */
  #voice(peer: string): PeerVoice {
    return {
      wantsPending: () => this.#client?.outgoing(peer) ?? 'none',
      takeWants: ({ supportsHave }) => {
        const entries = this.#client?.compose(peer, supportsHave, this.#clock.nowMs()) ?? []
        if (entries.length === 0) return undefined
        return {
          message: { entries },
          sent: () => {
            this.#statistics.messageSent(peer, 0, 0)
          }
        }
      },
      wantsLost: () => this.#client?.laneReset(peer),
      responsesPending: () => this.#server?.engine.hasWork(peer) === true,
      takeResponse: () => this.#takeResponse(peer)
    }
  }

  async #takeResponse(name: string): Promise<LaneMessage | undefined> {
    const server = this.#server
    const response = await server?.next(name)
    if (server === undefined || response === undefined) return undefined
    const { message, tasks } = response
    const blocks = message.blocks ?? []
    return {
      message,
      sent: () => {
        server.engine.sent(name, tasks)
        this.#statistics.messageSent(
          name,
          blocks.length,
          blocks.reduce((sum, { data }) => sum + data.length, 0)
        )
        const to = this.#network.peer(name)
        if (to === undefined || this.listenerCount('block:sent') === 0) return
        for (const { want, answer } of tasks) {
          if (answer !== 'block' || typeof want.block !== 'number') continue
          this.safeDispatchEvent('block:sent', { detail: { cid: CID.decode(want.cid.bytes), to, size: want.block } })
        }
      },
      failed: () => {
        server.engine.failed(name, tasks)
      }
    }
  }
}
