import { ClusterError, type CompactOptions, type Compaction, type DagInfo, type OfflineDag } from '@cluster/api'
import { DagBlocks, MerkleCrdt, previewImport, type CrdtPair, type ImportPreview } from '@cluster/merkle-crdt'
import type { AbortOptions } from '@libp2p/interface'
import { crdtError } from '../crdt-error.ts'
import { dagDot } from './dag-dot.ts'
import { offlineInit, withStore, type OfflineStore } from './opened.ts'

/** The digest of a history without a block. */
const EMPTY_DIGEST = 'empty'

const digestOf = ({ head }: ImportPreview): string => head?.toString() ?? EMPTY_DIGEST

/**
 * The DAG of a peer that does not run.
 *
 * @see wire-crdt.md §1.11 (`state crdt`), §7.3 P14
 */
export class CrdtOfflineDag implements OfflineDag {
  readonly #store: OfflineStore

  constructor(store: OfflineStore) {
    this.#store = store
  }

  info(options: AbortOptions): Promise<DagInfo> {
    return withStore(this.#store, options, async (crdt) => {
      const { heads, maxHeight, isDirty, queuedJobs } = await crdt.stats()
      return { heads, maxHeight, dirty: isDirty, missing: queuedJobs }
    })
  }

  async *dot(options: AbortOptions): AsyncGenerator<string, void> {
    const init = offlineInit(this.#store)
    const blocks = new DagBlocks(init.storage, init.namespace)
    const { heads } = await this.info(options)
    try {
      yield* dagDot(heads, blocks, options)
    } catch (error) {
      throw crdtError(error)
    }
  }

  mark(dirty: boolean, options: AbortOptions): Promise<void> {
    return withStore(this.#store, options, (crdt) => (dirty ? crdt.markDirty() : crdt.markClean()))
  }

  async compact({ expect, onProgress, ...options }: CompactOptions): Promise<Compaction> {
    // merges what is here, so that peers that were stopped at the same point say the same
    const { missing } = await this.info(options)
    if (missing > 0) {
      const text = `${missing} blocks of the history are not here: start the peer until it is synced, then try again`
      throw new ClusterError('NOT_READY', text)
    }
    const preview = await this.#preview(options, onProgress)
    const digest = digestOf(preview)
    const result = { digest, pins: preview.keys, blocks: preview.blocks }
    if (expect === undefined) return { ...result, replaced: false }
    if (expect !== digest) {
      const text = `the pinset of this peer would give ${digest}, not ${expect}: all peers must be synced and stopped`
      throw new ClusterError('BAD_REQUEST', text)
    }
    await this.#replace(options, onProgress)
    return { ...result, replaced: true }
  }

  async #preview(options: AbortOptions, onProgress: CompactOptions['onProgress']): Promise<ImportPreview> {
    return withStore(this.#store, options, (crdt) =>
      previewImport(told(crdt.list(options), (pins) => onProgress?.('reading', pins)))
    )
  }

  /** A listing reads one snapshot of the datastore, here that of the old history while the new one is gathered. */
  async #replace(options: AbortOptions, onProgress: CompactOptions['onProgress']): Promise<void> {
    const listing = await withStore(this.#store, options, (crdt) => Promise.resolve(crdt.list(options)))
    try {
      await MerkleCrdt.replace(
        offlineInit(this.#store),
        told(listing, (pins) => onProgress?.('writing', pins)),
        options
      )
    } catch (error) {
      throw crdtError(error)
    }
  }
}

async function* told(
  pages: AsyncIterable<readonly CrdtPair[]>,
  tell: (pins: number) => void
): AsyncGenerator<readonly CrdtPair[]> {
  let pins = 0
  for await (const page of pages) {
    pins += page.length
    yield page
    tell(pins)
  }
}
