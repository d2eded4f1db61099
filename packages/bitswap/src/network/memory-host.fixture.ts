import type { Connection, PeerId, Stream, Topology } from '@libp2p/interface'
import { testPeerId } from '@cluster/testing'
import type { BitswapHost } from './network.ts'

type StreamHandler = (stream: Stream, connection: Connection) => void

/** One end of a stream in memory: what is sent arrives with the next microtask, in order. */
class MemoryStream extends EventTarget {
  readonly protocol: string
  status = 'open'
  readStatus = 'readable'
  writeStatus = 'writable'
  remoteWriteStatus = 'writable'
  readonly writableNeedsDrain = false
  readonly writeBufferLength = 0
  maxReadBufferLength = 0
  other: MemoryStream | undefined
  readonly #held: Uint8Array[] = []

  constructor(protocol: string) {
    super()
    this.protocol = protocol
  }

  get readBufferLength(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0)
  }

  send(data: { subarray(): Uint8Array }): boolean {
    if (this.writeStatus !== 'writable') throw new Error('closed for writing')
    const bytes = data.subarray().slice()
    queueMicrotask(() => this.other?.deliver(bytes))
    return true
  }

  deliver(bytes: Uint8Array): void {
    if (this.status !== 'open') return
    if (this.readStatus === 'paused') this.#held.push(bytes)
    else this.dispatchEvent(Object.assign(new Event('message'), { data: bytes }))
  }

  pause(): void {
    this.readStatus = 'paused'
  }

  resume(): void {
    this.readStatus = 'readable'
    for (const bytes of this.#held.splice(0)) this.deliver(bytes)
  }

  close(): Promise<void> {
    if (this.writeStatus === 'closed') return Promise.resolve()
    this.writeStatus = 'closed'
    queueMicrotask(() => this.other?.ended())
    this.#closeIfDone()
    return Promise.resolve()
  }

  /** The other side writes no more. */
  ended(): void {
    this.remoteWriteStatus = 'closed'
    this.dispatchEvent(new Event('remoteCloseWrite'))
    this.#closeIfDone()
  }

  abort(error: Error): void {
    this.#end('aborted', error)
    queueMicrotask(() => {
      this.other?.reset()
    })
  }

  reset(): void {
    this.#end('reset', new Error('the other side reset the stream'))
  }

  #closeIfDone(): void {
    if (this.writeStatus === 'closed' && this.remoteWriteStatus === 'closed') this.#end('closed')
  }

  #end(status: string, error?: Error): void {
    if (this.status !== 'open') return
    this.status = status
    this.writeStatus = this.remoteWriteStatus = this.readStatus = 'closed'
    this.dispatchEvent(Object.assign(new Event('close'), error === undefined ? {} : { error }))
  }
}

/** One end of a connection in memory. */
class MemoryConnection {
  readonly remotePeer: PeerId
  readonly remote: MemoryHost
  status = 'open'
  readonly limits = undefined
  readonly streams = new Set<MemoryStream>()
  other: MemoryConnection | undefined

  constructor(remote: MemoryHost) {
    this.remote = remote
    this.remotePeer = remote.peerId
  }

  newStream(protocols: string | readonly string[]): Promise<Stream> {
    const { other } = this
    if (this.status !== 'open' || other === undefined) return Promise.reject(new Error('not connected'))
    const protocol = [protocols].flat().find((name) => this.remote.handlers.has(name))
    const handler = protocol === undefined ? undefined : this.remote.handlers.get(protocol)
    if (protocol === undefined || handler === undefined) {
      return Promise.reject(Object.assign(new Error('not spoken'), { name: 'UnsupportedProtocolError' }))
    }
    const [near, far] = [new MemoryStream(protocol), new MemoryStream(protocol)]
    near.other = far
    far.other = near
    this.streams.add(near)
    other.streams.add(far)
    handler(far as unknown as Stream, other as unknown as Connection)
    return Promise.resolve(near as unknown as Stream)
  }

  end(): void {
    this.status = 'closed'
    for (const stream of this.streams) stream.reset()
  }
}

/** Hosts that reach each other in this process. Time does not pass on the way. */
export class MemorySwarm {
  readonly hosts = new Map<string, MemoryHost>()
  /** Nobody reaches these. */
  readonly unreachable = new Set<string>()
  #count = 0

  host(): MemoryHost {
    const host = new MemoryHost(this, testPeerId(this.#count++))
    this.hosts.set(host.peerId.toString(), host)
    return host
  }
}

/** What Bitswap uses of a libp2p host, without sockets and timers. */
export class MemoryHost extends EventTarget {
  readonly peerId: PeerId
  readonly handlers = new Map<string, StreamHandler>()
  readonly #swarm: MemorySwarm
  readonly #connections = new Map<string, MemoryConnection>()
  readonly #topologies = new Map<string, { protocol: string; topology: Topology }>()
  #nextTopology = 0

  constructor(swarm: MemorySwarm, peerId: PeerId) {
    super()
    this.#swarm = swarm
    this.peerId = peerId
  }

  /** As Bitswap takes it. */
  get libp2p(): BitswapHost {
    return this as unknown as BitswapHost
  }

  readonly peerStore = {
    get: (peer: PeerId): Promise<{ protocols: string[] }> =>
      Promise.resolve({ protocols: [...(this.#swarm.hosts.get(peer.toString())?.handlers.keys() ?? [])] })
  }

  handle(protocols: string | string[], handler: StreamHandler): Promise<void> {
    for (const protocol of [protocols].flat()) this.handlers.set(protocol, handler)
    return Promise.resolve()
  }

  unhandle(protocols: string | string[]): Promise<void> {
    for (const protocol of [protocols].flat()) this.handlers.delete(protocol)
    return Promise.resolve()
  }

  register(protocol: string, topology: Topology): Promise<string> {
    const id = String(this.#nextTopology++)
    this.#topologies.set(id, { protocol, topology })
    return Promise.resolve(id)
  }

  unregister(id: string): void {
    this.#topologies.delete(id)
  }

  getConnections(peer?: PeerId): Connection[] {
    const all = [...this.#connections.values()]
    const found = peer === undefined ? all : all.filter(({ remotePeer }) => remotePeer.equals(peer))
    return found as unknown as Connection[]
  }

  async dial(peer: PeerId): Promise<Connection> {
    const name = peer.toString()
    const [known, remote] = [this.#connections.get(name), this.#swarm.hosts.get(name)]
    if (known !== undefined) return known as unknown as Connection
    if (remote === undefined || this.#swarm.unreachable.has(name)) throw new Error(`${name} does not answer`)
    const [near, far] = [new MemoryConnection(remote), new MemoryConnection(this)]
    near.other = far
    far.other = near
    this.#connections.set(name, near)
    remote.#connections.set(this.peerId.toString(), far)
    await Promise.resolve()
    this.#identified(near)
    remote.#identified(far)
    return near as unknown as Connection
  }

  hangUp(peer: PeerId): void {
    for (const [at, of] of [
      [this, peer],
      [this.#swarm.hosts.get(peer.toString()), this.peerId]
    ] as const) {
      if (at === undefined) continue
      const connection = at.#connections.get(of.toString())
      if (connection === undefined) continue
      at.#connections.delete(of.toString())
      connection.end()
      for (const { topology } of at.#topologies.values()) void topology.onDisconnect?.(of)
      at.dispatchEvent(new CustomEvent('peer:disconnect', { detail: of }))
    }
  }

  #identified(connection: MemoryConnection): void {
    for (const { protocol, topology } of this.#topologies.values()) {
      if (!connection.remote.handlers.has(protocol)) continue
      void topology.onConnect?.(connection.remotePeer, connection as unknown as Connection)
    }
  }
}
