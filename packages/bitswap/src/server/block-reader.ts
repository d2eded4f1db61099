import type { AbortOptions, Logger } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import type { WireCid } from '../cid/parse.ts'
import { FairTurns } from './fair-turns.ts'

/**
 * Where the blocks are that peers may have. What is not there is told by an error with the name `NotFoundError`, or
 * the code `NOT_FOUND` or `ERR_NOT_FOUND`.
 *
 * @see bitswap.md §4.3.1
 */
export interface BitswapBlockstore {
  has(cid: CID, options?: AbortOptions): boolean | Promise<boolean>
  get(
    cid: CID,
    options?: AbortOptions
  ): Uint8Array | Promise<Uint8Array> | Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Bytes of the block, without reading it. */
  getSize?(cid: CID, options?: AbortOptions): number | Promise<number>
}

/** Reads for peers, so many at a time and the peers in turn; a failing store counts as one that does not have the block. */
export class BlockReader {
  readonly #store: BitswapBlockstore
  readonly #log: Logger | undefined
  readonly #signal: AbortSignal
  readonly #turns: FairTurns

  constructor(store: BitswapBlockstore, concurrency: number, signal: AbortSignal, log?: Logger) {
    this.#store = store
    this.#turns = new FairTurns(concurrency)
    this.#signal = signal
    this.#log = log
  }

  /** Bytes of the block; `undefined` when it is not there. */
  async size(peer: string, cid: WireCid): Promise<number | undefined> {
    if (this.#store.getSize === undefined) return (await this.get(peer, cid))?.length
    return await this.#read(peer, cid, (decoded, options) => this.#store.getSize?.(decoded, options))
  }

  /** The block; `undefined` when it is not there. */
  async get(peer: string, cid: WireCid): Promise<Uint8Array | undefined> {
    return await this.#read(peer, cid, async (decoded, options) => await join(await this.#store.get(decoded, options)))
  }

  async #read<T>(
    peer: string,
    cid: WireCid,
    read: (cid: CID, options: AbortOptions) => T | Promise<T>
  ): Promise<T | undefined> {
    return await this.#turns.run(peer, async () => {
      try {
        return await read(CID.decode(cid.bytes), { signal: this.#signal })
      } catch (error) {
        if (!isNotFound(error) && !this.#signal.aborted)
          this.#log?.error('reading a block for a peer failed - %e', error)
        return undefined
      }
    })
  }
}

/** Whether an error says that a block is not there. */
export function isNotFound(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  return error.name === 'NotFoundError' || code === 'ERR_NOT_FOUND' || code === 'NOT_FOUND'
}

async function join(found: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (found instanceof Uint8Array) return found
  const chunks: Uint8Array[] = []
  for await (const chunk of found) chunks.push(chunk)
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}
