import type { BlockSession } from '@cluster/api'
import type { BlockSource } from '@cluster/ipfs-node'
import type { CID } from 'multiformats/cid'

/** Who was asked for a block that nobody gave: people who know Kubo expect more. */
export const WHO_IS_ASKED = 'the embedded IPFS node asks the peers of the cluster only, not the public IPFS network'

/** A session that knows which blocks it waits for. */
export class WantedBlocks implements BlockSource {
  readonly #session: BlockSession
  readonly #wanted = new Set<CID>()

  constructor(session: BlockSession) {
    this.#session = session
  }

  /** What is missing, in words that go behind an error; empty when nothing is waited for. */
  get hint(): string {
    const [first] = this.#wanted
    if (first === undefined) return ''
    const others = this.#wanted.size - 1
    return `: no peer gave block ${first.toString()}${others > 0 ? `, nor ${others} more` : ''}; ${WHO_IS_ASKED}`
  }

  async get(cid: CID, options: { readonly signal: AbortSignal }): Promise<Uint8Array> {
    this.#wanted.add(cid)
    try {
      return await this.#session.get(cid, options)
    } finally {
      this.#wanted.delete(cid)
    }
  }

  close(): void {
    this.#session.close()
  }
}
