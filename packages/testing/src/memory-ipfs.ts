import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import {
  ClusterError,
  IPFSPinStatus,
  pinsetKey,
  type IPFSID,
  type IPFSPinInfo,
  type IPFSRepoGC,
  type IPFSRepoStat,
  type IpfsConnector,
  type IpfsConnectorEvents,
  type NodeWithMeta,
  type Pages,
  type Pin
} from '@cluster/api'
import { TypedEventEmitter } from 'main-event'

/** The IPFS side of a peer in memory: it pins whatever it is told, unless a test makes it fail. */
export class MemoryIpfs extends TypedEventEmitter<IpfsConnectorEvents> implements IpfsConnector {
  readonly #identity: IPFSID
  readonly #blocks = new Map<string, Uint8Array>()
  readonly #pins = new Map<string, { readonly cid: CID; readonly type: IPFSPinStatus }>()
  /** CIDs that cannot be pinned, by {@link pinsetKey}. */
  readonly failing = new Set<string>()
  /** Whether calls are answered, refused, or never answered. */
  state: 'up' | 'down' | 'hung' = 'up'
  readonly connected: Multiaddr[] = []

  constructor(id: PeerId, addresses: readonly Multiaddr[] = []) {
    super()
    this.#identity = { id, addresses, error: '' }
  }

  async ready(options: AbortOptions): Promise<void> {
    await this.#answer(options)
  }

  async id(options: AbortOptions): Promise<IPFSID> {
    await this.#answer(options)
    return this.#identity
  }

  async pin({ cid, maxDepth }: Pin, options: AbortOptions): Promise<void> {
    await this.#answer(options)
    if (this.failing.has(pinsetKey(cid))) throw new ClusterError('IPFS', `pinning ${cid.toString()} fails`)
    this.#pins.set(pinsetKey(cid), { cid, type: maxDepth === 0 ? IPFSPinStatus.direct : IPFSPinStatus.recursive })
  }

  async unpin(cid: CID, options: AbortOptions): Promise<void> {
    await this.#answer(options)
    this.#pins.delete(pinsetKey(cid))
  }

  async pinLsCid({ cid }: Pin, options: AbortOptions): Promise<IPFSPinStatus> {
    await this.#answer(options)
    return this.#pins.get(pinsetKey(cid))?.type ?? IPFSPinStatus.unpinned
  }

  async *pinLs(types: readonly ('recursive' | 'direct')[], options: AbortOptions): Pages<IPFSPinInfo> {
    await this.#answer(options)
    const wanted = types.map((type) => IPFSPinStatus[type] as number)
    const pins = [...this.#pins.values()].filter(({ type }) => wanted.includes(type))
    if (pins.length > 0) yield pins
  }

  async blockStream(blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void> {
    for await (const { cid, data } of blocks) {
      await this.#answer(options)
      this.putBlock(cid, data)
    }
  }

  putBlock(cid: CID, data: Uint8Array): void {
    this.#blocks.set(pinsetKey(cid), data)
  }

  async blockGet(cid: CID, options: AbortOptions): Promise<Uint8Array> {
    await this.#answer(options)
    const block = this.#blocks.get(pinsetKey(cid))
    if (block === undefined) throw new ClusterError('NOT_FOUND', `block was not found locally: ${cid.toString()}`)
    return block
  }

  async resolve(path: string, options: AbortOptions): Promise<CID> {
    await this.#answer(options)
    const text = /^\/(?:ipfs|ipns)\/([^/]+)/.exec(path)?.[1]
    if (text === undefined) throw new ClusterError('BAD_REQUEST', `invalid path ${JSON.stringify(path)}`)
    return CID.parse(text)
  }

  async repoStat(options: AbortOptions): Promise<IPFSRepoStat> {
    await this.#answer(options)
    return { repoSize: BigInt(this.#pins.size) * 1_000n, storageMax: 1_000_000_000n }
  }

  async *repoGC(options: AbortOptions): AsyncGenerator<IPFSRepoGC> {
    await this.#answer(options)
    for (const [key, data] of this.#blocks) {
      if (this.#pins.has(key)) continue
      this.#blocks.delete(key)
      yield { key: undefined, error: data.length === 0 ? 'no link by that name' : '' }
    }
  }

  async swarmPeers(options: AbortOptions): Promise<readonly PeerId[]> {
    await this.#answer(options)
    return []
  }

  async connectSwarms(to: readonly Multiaddr[], options: AbortOptions): Promise<void> {
    await this.#answer(options)
    this.connected.push(...to)
  }

  async #answer({ signal }: AbortOptions): Promise<void> {
    signal?.throwIfAborted()
    if (this.state === 'down') throw new ClusterError('IPFS', 'connection refused')
    if (this.state === 'up') return
    await new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        reject(new ClusterError('ABORTED', 'context canceled'))
      })
    })
  }
}
