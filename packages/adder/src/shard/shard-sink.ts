import {
  ClusterError,
  DEFAULT_SHARD_SIZE,
  PinType,
  pinOf,
  toClusterError,
  type AddedOutput,
  type Pin,
  type PinOptions
} from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { DagNode } from '../dag/dag-node.ts'
import { allocate, pinOptionsOf } from '../send/allocate.ts'
import type { BlockSink } from '../send/block-sink.ts'
import { Fanout } from '../send/fanout.ts'
import type { SinkInit } from '../send/single-sink.ts'
import { SentBlocks } from './sent-blocks.ts'
import { shardNodes } from './shard-node.ts'

/** A shard that is being filled. */
interface OpenShard {
  readonly peers: readonly PeerId[]
  readonly fanout: Fanout
  readonly links: Uint8Array[]
  bytes: number
}

/**
 * Spreads the blocks over shards of limited size, each of which goes to peers of its own. The shards are listed in a
 * cluster DAG; a meta pin of the root leads there.
 *
 * @see behaviours.md §6.10
 */
export class ShardSink implements BlockSink {
  readonly #init: SinkInit
  readonly #limit: bigint
  readonly #abort = new AbortController()
  /** Blocks of the current root: each root is whole in its own shards. */
  #sent = new SentBlocks()
  readonly #events: AddedOutput[] = []
  /** What this add pinned, in order: to be taken back when it fails. What was pinned before it stays. */
  readonly #pinned: CID[] = []
  #open: OpenShard | undefined
  #shards: CID[] = []
  #bytes = 0
  #root: CID | undefined
  #allocations: readonly PeerId[] | undefined

  constructor(init: SinkInit) {
    const { shardSize } = init.params
    this.#init = init
    this.#limit = shardSize > 0n ? shardSize : DEFAULT_SHARD_SIZE
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get allocations(): readonly PeerId[] | undefined {
    return this.#allocations
  }

  async put(node: DagNode): Promise<void> {
    if (!this.#sent.add(node.cid)) return
    let shard = (this.#open ??= await this.#begin())
    if (!this.#fits(shard, node)) {
      if (shard.links.length > 0) await this.#flush(shard)
      shard = this.#open = await this.#begin()
    }
    if (!this.#fits(shard, node)) throw bad("block doesn't fit in empty shard: shard size too small?")
    shard.links.push(node.cid.bytes)
    shard.bytes += node.bytes.length
    await shard.fanout.put(node)
    this.signal.throwIfAborted()
  }

  takeEvents(): readonly AddedOutput[] {
    return this.#events.splice(0)
  }

  async open(): Promise<void> {
    this.#open ??= await this.#begin()
  }

  /** Each root has shards and a cluster DAG of its own. */
  async roots([root, ...more]: readonly CID[]): Promise<void> {
    if (root === undefined || more.length > 0) throw bad('only CAR files with a single root are supported in shards')
    if (this.#open !== undefined && this.#open.links.length > 0) await this.#flush(this.#open)
    if (this.#shards.length === 0) throw bad('cannot flush a nil shard')
    const [dag, ...leaves] = shardNodes(this.#shards.map(({ bytes }) => bytes))
    await this.#sendToSelf([dag, ...leaves])
    const { name } = this.#init.params
    this.#tell(`${name}-clusterDAG`, dag.cid, this.#bytes, undefined)
    await this.#pin(dag.cid, {
      type: PinType.clusterDag,
      name: `${name}-clusterDAG`,
      replicationFactorMin: -1,
      replicationFactorMax: -1,
      maxDepth: 0,
      reference: root
    })
    await this.#pin(root, { type: PinType.meta, maxDepth: 0, reference: dag.cid })
    this.#root = root
    this.#sent = new SentBlocks()
    this.#shards = []
    this.#bytes = 0
    this.#allocations = undefined
  }

  finish(): Promise<CID> {
    if (this.#root === undefined) throw new ClusterError('INTERNAL', 'an add without a root')
    return Promise.resolve(this.#root)
  }

  stop(reason: ClusterError): void {
    this.#abort.abort(reason)
    this.#open?.fanout.stop(reason)
  }

  async undo(): Promise<void> {
    const { target, log } = this.#init
    for (const cid of this.#pinned.splice(0).reverse()) {
      try {
        await target.unpin(cid, {})
        log?.info('an add in shards failed: a shard was unpinned', { cid: cid.toString() })
      } catch (error) {
        const { message } = toClusterError(error)
        log?.error('an add in shards failed and left a pin behind', { cid: cid.toString(), error: message })
      }
    }
  }

  #fits({ bytes }: OpenShard, node: DagNode): boolean {
    return BigInt(bytes + node.bytes.length) < this.#limit
  }

  async #begin(): Promise<OpenShard> {
    const { params, target, signal } = this.#init
    const peers = await allocate(target, params, signal)
    this.signal.throwIfAborted()
    this.#allocations = peers
    return { peers, fanout: this.#fanoutTo(peers), links: [], bytes: 0 }
  }

  #fanoutTo(peers: readonly PeerId[]): Fanout {
    return new Fanout(peers, this.#init, (error) => {
      this.#abort.abort(error)
    })
  }

  async #flush({ peers, fanout, links, bytes }: OpenShard): Promise<void> {
    const [root, ...leaves] = shardNodes(links)
    for (const node of [root, ...leaves]) await fanout.put(node)
    await fanout.finish()
    this.#open = undefined
    const number = this.#shards.length
    await this.#pin(root.cid, {
      type: PinType.shard,
      name: `${this.#init.params.name}-shard-${number}`,
      maxDepth: 1,
      shardSize: BigInt(bytes),
      reference: this.#shards.at(-1),
      allocations: peers
    })
    this.#shards.push(root.cid)
    this.#bytes += bytes
    this.#tell(`shard-${number}`, root.cid, bytes, peers)
  }

  async #sendToSelf(nodes: readonly DagNode[]): Promise<void> {
    const fanout = this.#fanoutTo([this.#init.target.self])
    try {
      for (const node of nodes) await fanout.put(node)
      await fanout.finish()
    } finally {
      fanout.stop(new ClusterError('ABORTED', 'the add has ended'))
    }
  }

  #tell(name: string, cid: CID, size: number, allocations: readonly PeerId[] | undefined): void {
    this.#events.push({ name, cid, bytes: 0n, size: BigInt(size), allocations })
  }

  async #pin(cid: CID, own: Partial<Pin> & Partial<PinOptions>): Promise<void> {
    const { params, target, signal } = this.#init
    const pin: Pin = { ...pinOf(cid, { ...pinOptionsOf(params), shardSize: this.#limit }), ...own }
    const allocations = pin.replicationFactorMin < 0 ? [] : pin.allocations
    const options = signal === undefined ? {} : { signal }
    const before = await target.getPin(cid, options)
    // Taken back also when the answer gets lost: then it may be pinned all the same.
    if (before === undefined) this.#pinned.push(cid)
    await target.pin({ ...pin, allocations }, options)
  }
}

const bad = (text: string): ClusterError => new ClusterError('BAD_REQUEST', text)
