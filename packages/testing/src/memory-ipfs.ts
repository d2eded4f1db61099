import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import {
  ClusterError,
  IPFSPinStatus,
  MAX_PAGE_ITEMS,
  parseContentPath,
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
import { sha256 } from 'multiformats/hashes/sha2'
import { MemoryDag, type DagRoot } from './memory-dag.ts'

/** Bytes that a pin is said to take where content does not matter. */
const PIN_BYTES = 1_000n
const STORAGE_MAX = 1_000_000_000n

/**
 * The IPFS side of a peer in memory. It pins whatever it is told, unless a test makes it fail; given a
 * {@link MemoryDag} it pins what can be fetched from there, as a real one would.
 */
export class MemoryIpfs extends TypedEventEmitter<IpfsConnectorEvents> implements IpfsConnector {
  readonly #identity: IPFSID
  readonly #dag: MemoryDag
  readonly #needsContent: boolean
  readonly #pins = new Map<string, { readonly cid: CID; readonly type: IPFSPinStatus }>()
  readonly #stopping = new AbortController()
  /** CIDs that cannot be pinned, by {@link pinsetKey}. */
  readonly failing = new Set<string>()
  /** Whether calls are answered, refused, or never answered. */
  state: 'up' | 'down' | 'hung' = 'up'
  readonly connected: Multiaddr[] = []

  constructor(id: PeerId, addresses: readonly Multiaddr[] = [], content?: MemoryDag) {
    super()
    this.#identity = { id, addresses, error: '' }
    this.#dag = content ?? new MemoryDag()
    this.#needsContent = content !== undefined
  }

  /** Ends what waits; calls are refused from here. */
  stop(): void {
    this.#stopping.abort(new ClusterError('STOPPED', 'the IPFS side is stopped'))
  }

  async ready(options: AbortOptions): Promise<void> {
    await this.#answer(options)
  }

  async id(options: AbortOptions): Promise<IPFSID> {
    await this.#answer(options)
    return this.#identity
  }

  async pin(
    { cid, maxDepth }: Pin,
    options: AbortOptions & { onProgress?(nodes: number, bytes?: number): void }
  ): Promise<void> {
    await this.#answer(options)
    if (this.failing.has(pinsetKey(cid))) throw new ClusterError('IPFS', `pinning ${cid.toString()} fails`)
    const type = maxDepth === 0 ? IPFSPinStatus.direct : IPFSPinStatus.recursive
    const found = this.#pins.get(pinsetKey(cid))?.type
    if (this.#needsContent) {
      if (found === IPFSPinStatus.recursive || found === type) return
      await this.#fetch({ cid, recursive: maxDepth !== 0 }, options)
    }
    this.#pins.set(pinsetKey(cid), { cid, type })
  }

  async unpin(cid: CID, options: AbortOptions): Promise<void> {
    await this.#answer(options)
    this.#pins.delete(pinsetKey(cid))
  }

  async pinLsCid({ cid, maxDepth }: Pin, options: AbortOptions): Promise<IPFSPinStatus> {
    await this.#answer(options)
    const found = this.#pins.get(pinsetKey(cid))?.type ?? IPFSPinStatus.unpinned
    return found === IPFSPinStatus.direct && maxDepth !== 0 ? IPFSPinStatus.unpinned : found
  }

  async *pinLs(types: readonly ('recursive' | 'direct')[], options: AbortOptions): Pages<IPFSPinInfo> {
    await this.#answer(options)
    const wanted = types.map((type) => IPFSPinStatus[type] as number)
    const pins = [...this.#pins.values()].filter(({ type }) => wanted.includes(type))
    for (let at = 0; at < pins.length; at += MAX_PAGE_ITEMS) yield pins.slice(at, at + MAX_PAGE_ITEMS)
  }

  async blockStream(blocks: AsyncIterable<NodeWithMeta>, options: AbortOptions): Promise<void> {
    let isEmpty = true
    for await (const { cid, data } of blocks) {
      isEmpty = false
      await this.#answer(options)
      if (this.#needsContent) await verify(cid, data)
      this.putBlock(cid, data)
    }
    if (isEmpty) throw new ClusterError('BAD_REQUEST', 'BlockStream: no blocks to peek in blocks channel')
  }

  putBlock(cid: CID, data: Uint8Array): void {
    this.#dag.put({ cid, bytes: data })
  }

  async blockGet(cid: CID, options: AbortOptions): Promise<Uint8Array> {
    await this.#answer(options)
    const block = this.#dag.fetch(cid)
    if (block === undefined) throw new ClusterError('NOT_FOUND', `block was not found locally: ${cid.toString()}`)
    return block.bytes
  }

  async resolve(path: string, options: AbortOptions): Promise<CID> {
    await this.#answer(options)
    const { root, names } = parseContentPath(path)
    if (root === undefined) throw new ClusterError('NOT_SUPPORTED', `cannot resolve ${path}: no names are known`)
    const found = this.#needsContent ? this.#dag.resolve(root, names) : root
    if (found === undefined) throw new ClusterError('NOT_FOUND', `cannot resolve ${path}: no link by that name`)
    return found
  }

  async repoStat(options: AbortOptions): Promise<IPFSRepoStat> {
    await this.#answer(options)
    const size = this.#needsContent ? BigInt(this.#dag.size) : BigInt(this.#pins.size) * PIN_BYTES
    return { repoSize: size, storageMax: STORAGE_MAX }
  }

  async *repoGC(options: AbortOptions): AsyncGenerator<IPFSRepoGC> {
    await this.#answer(options)
    const roots = [...this.#pins.values()].map(({ cid, type }): DagRoot => {
      return { cid, recursive: type === IPFSPinStatus.recursive }
    })
    for (const { cid, bytes } of this.#dag.collect(roots)) {
      yield { key: cid, error: bytes.length === 0 ? 'no link by that name' : '' }
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

  async #fetch(
    root: DagRoot,
    options: AbortOptions & { onProgress?(nodes: number, bytes?: number): void }
  ): Promise<void> {
    const { signal: stopping } = this.#stopping
    const ended = options.signal === undefined ? stopping : AbortSignal.any([options.signal, stopping])
    let nodes = 0
    let bytes = 0
    for (const { cid, block } of this.#dag.walk(root)) {
      const { length } = (block ?? (await this.#dag.wait(cid, ended))).bytes
      nodes += 1
      bytes += length
      options.onProgress?.(nodes, bytes)
    }
  }

  async #answer({ signal }: AbortOptions): Promise<void> {
    const { signal: stopping } = this.#stopping
    stopping.throwIfAborted()
    signal?.throwIfAborted()
    if (this.state === 'down') throw new ClusterError('IPFS', 'connection refused')
    if (this.state === 'up') return
    await new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        reject(new ClusterError('ABORTED', 'context canceled'))
      })
      stopping.addEventListener('abort', () => {
        reject(new ClusterError('STOPPED', 'the IPFS side is stopped'))
      })
    })
  }
}

async function verify({ multihash }: CID, bytes: Uint8Array): Promise<void> {
  const { digest } = await sha256.digest(bytes)
  if (Buffer.compare(digest, multihash.digest) !== 0) throw new ClusterError('CORRUPT', 'the block is another')
}
