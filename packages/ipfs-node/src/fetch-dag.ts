import type { CID } from 'multiformats/cid'
import type { BlockFiles } from './block-files.ts'
import { BlockNotFoundError, IpfsNodeError } from './errors.ts'
import { linksOf } from './links.ts'
import { walkDag } from './walk.ts'

/** Where missing blocks come from, for instance a Bitswap session. The bytes are verified by the node. */
export interface BlockSource {
  get(cid: CID, options: { signal: AbortSignal }): Promise<Uint8Array>
}

/** How to bring a whole DAG into the block store. */
export interface FetchDagOptions {
  readonly depth: number
  readonly concurrency: number
  readonly blocks: BlockFiles
  readonly fetch: BlockSource | undefined
  readonly signal: AbortSignal | undefined
  /** Called for each block before it is looked up, so that it cannot be collected in between. */
  protect(cid: CID): void
  /** Called for each block that is now stored. */
  onNode(): void
}

/** Finds or fetches every block of a DAG. Blocks that are here are not asked for; damaged ones are fetched again. */
export async function fetchDag(root: CID, options: FetchDagOptions): Promise<void> {
  await walkDag(root, {
    depth: options.depth,
    concurrency: options.concurrency,
    signal: options.signal,
    visit: async (cid, leaf, signal) => {
      options.protect(cid)
      const bytes = (await stored(options.blocks, cid, leaf)) ?? (await fetched(cid, signal))
      options.onNode()
      return bytes === 'here' ? undefined : bytes
    }
  })

  async function fetched(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    if (options.fetch === undefined) throw new BlockNotFoundError(cid)
    const bytes = await options.fetch.get(cid, { signal })
    // an exchange that serves this store has put the block there, and verified it by that
    if (!(await options.blocks.has(cid))) await options.blocks.put(cid, bytes)
    return bytes
  }
}

async function stored(blocks: BlockFiles, cid: CID, leaf: boolean): Promise<Uint8Array | 'here' | undefined> {
  if (leaf) {
    if (!(await blocks.has(cid))) return undefined
    await blocks.adopt(cid)
    return 'here'
  }
  try {
    let bytes = await blocks.get(cid)
    if (!decodes(cid, bytes)) bytes = await blocks.recheck(cid)
    await blocks.adopt(cid)
    return bytes
  } catch (error) {
    if (error instanceof BlockNotFoundError) return undefined
    throw error
  }
}

function decodes(cid: CID, bytes: Uint8Array): boolean {
  try {
    linksOf(cid, bytes)
    return true
  } catch (error) {
    if (error instanceof IpfsNodeError && error.code === 'BAD_BLOCK') return false
    throw error
  }
}
