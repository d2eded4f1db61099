import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Pin } from '../domain/pin.ts'
import type { Pages } from '../paging.ts'

/** The history of a pinset that is kept as a DAG. */
export interface DagInfo {
  /** In the order of their CID bytes. */
  readonly heads: readonly CID[]
  readonly maxHeight: bigint
  /** Whether it is marked for a repair. */
  readonly dirty: boolean
  /** Blocks that are known and not here. */
  readonly missing: number
}

/** What a compaction wrote, or would write. */
export interface Compaction {
  /** The CID of the last block, which covers all before it; `empty` for an empty pinset. */
  readonly digest: string
  readonly pins: number
  readonly blocks: number
  /** Whether the old history was replaced. */
  readonly replaced: boolean
}

/** How to compact. */
export interface CompactOptions extends AbortOptions {
  /** The digest that all peers have agreed on; without it nothing is replaced. */
  readonly expect?: string | undefined
  /** Told now and then how far it is, with the number of pins read so far. */
  readonly onProgress?: ((step: 'reading' | 'writing', pins: number) => void) | undefined
}

/** The history of a pinset as an operator handles it while no peer runs. */
export interface OfflineDag {
  info(options: AbortOptions): Promise<DagInfo>
  /** The DAG in the language of Graphviz, in pieces. */
  dot(options: AbortOptions): AsyncIterable<string>
  /** Asks for a repair at the next start, or takes that back. */
  mark(dirty: boolean, options: AbortOptions): Promise<void>
  /**
   * Replaces the history by one that has only what is in the pinset now; without `expect` it only tells what it would
   * write. A crash or an abort leaves the old history or the new one.
   *
   * @throws {ClusterError} `BAD_REQUEST` when what it would write is not what was expected; `NOT_READY` while blocks are
   * missing
   */
  compact(options: CompactOptions): Promise<Compaction>
}

/** The pinset of a peer that does not run. */
export interface OfflineState {
  export(options: AbortOptions): Pages<Pin>
  /** Replaces the pinset; nothing changes unless all pins were taken. */
  import(pins: Pages<Pin>, options: AbortOptions): Promise<void>
  clean(options: AbortOptions): Promise<void>
  /** Only of a consensus that keeps its history as a DAG. */
  readonly dag?: OfflineDag | undefined
}
