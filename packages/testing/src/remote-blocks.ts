import type { Block, Blocks, BlockSession } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/**
 * Blocks that "other peers" have, for the exchange of one peer under test. A want for anything else waits until its
 * signal is aborted.
 *
 * @example
 * ```ts
 * const remote = new RemoteBlocks()
 * remote.add({ cid, bytes })
 * const exchange = remote.over(blocks)
 * ```
 */
export class RemoteBlocks {
  /** The CIDs that were asked of other peers, in order. */
  readonly asked: string[] = []
  readonly #blocks = new Map<string, Uint8Array>()

  add(...blocks: readonly Block[]): void {
    for (const { cid, bytes } of blocks) this.#blocks.set(cid.toString(), bytes)
  }

  /** The exchange of a peer that keeps its own blocks in `local`. */
  over(local: Pick<Blocks, 'has' | 'get' | 'put'>): {
    put: (blocks: readonly Block[], options?: AbortOptions) => Promise<void>
    createSession: () => Pick<BlockSession, 'get' | 'close'>
  } {
    return {
      put: (blocks, options) => local.put(blocks, options),
      createSession: () => ({
        get: (cid, options) => this.#get(local, cid, options),
        close: () => undefined
      })
    }
  }

  async #get(local: Pick<Blocks, 'has' | 'get' | 'put'>, cid: CID, options?: AbortOptions): Promise<Uint8Array> {
    if (await local.has(cid)) return local.get(cid)
    this.asked.push(cid.toString())
    const bytes = this.#blocks.get(cid.toString())
    if (bytes === undefined) return never(options?.signal)
    await local.put([{ cid, bytes }])
    return bytes
  }
}

function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    })
  })
}
