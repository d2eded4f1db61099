import type { CID } from 'multiformats/cid'
import type { DagBlock, DagBlocks, DagExchange, DagSession } from '../src/index.ts'

/** What a {@link SimulatedExchange} needs of the world. */
export interface ExchangeHooks {
  /** Gets a block from another peer, for as long as it takes. */
  fetch(cid: CID, signal: AbortSignal | undefined): Promise<Uint8Array>
  /** A block of this peer is served from now on. */
  serving(cid: CID): void
}

/** The block exchange of one process. */
export class SimulatedExchange implements DagExchange {
  readonly #blocks: DagBlocks
  readonly #hooks: ExchangeHooks
  /** Sessions that are open. */
  sessions = 0

  constructor(blocks: DagBlocks, hooks: ExchangeHooks) {
    this.#blocks = blocks
    this.#hooks = hooks
  }

  async put(blocks: readonly DagBlock[]): Promise<void> {
    await this.#blocks.put(blocks)
    for (const { cid } of blocks) this.#hooks.serving(cid)
  }

  createSession(): DagSession {
    this.sessions += 1
    let isOpen = true
    return {
      get: async (cid, options) => {
        if (await this.#blocks.has(cid)) return this.#blocks.get(cid)
        const bytes = await this.#hooks.fetch(cid, options?.signal)
        await this.#blocks.put([{ cid, bytes }])
        return bytes
      },
      close: () => {
        if (isOpen) this.sessions -= 1
        isOpen = false
      }
    }
  }
}
