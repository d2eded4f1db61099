import { type Block, type Blocks, type BlockService, type BlockSession, ClusterError } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { IDENTITY } from './cid/parse.ts'
import { boundedFetch } from './client/bounded-fetch.ts'
import { exchangeError, storageError } from './exchange/exchange-error.ts'
import type { Bitswap, BitswapSession } from './interface.ts'
import { isNotFound } from './server/block-reader.ts'

/** What a block service works with. */
export interface BlockServiceComponents {
  /** The store of its owner. */
  readonly blockstore: Blocks
  readonly bitswap: Bitswap
  /** Told of a block that was not asked for, or not taken, because a limit was reached. */
  readonly onLimit?: (error: ClusterError) => void
}

/**
 * Blocks from a store, and from other peers what is not in it. A block that came from a peer is stored, then announced,
 * then returned; when storing fails, the call fails and nothing is announced.
 *
 * @see bitswap.md §4.3.4
 */
export function createBlockService(components: BlockServiceComponents): BlockService {
  return new ExchangingBlockService(components, () => undefined)
}

/** A service that tells when it is given up. */
export class ExchangingBlockService implements BlockService {
  readonly #components: BlockServiceComponents
  readonly #onUnmount: () => void
  readonly #sessions = new Set<ExchangingSession>()
  #unmounted = false

  constructor(components: BlockServiceComponents, onUnmount: () => void) {
    this.#components = components
    this.#onUnmount = onUnmount
  }

  async get(cid: CID, options?: AbortOptions): Promise<Uint8Array> {
    const session = this.createSession()
    try {
      return await session.get(cid, options)
    } finally {
      session.close()
    }
  }

  async *getMany(
    cids: Iterable<CID> | AsyncIterable<CID>,
    options?: AbortOptions
  ): AsyncGenerator<Block, void, undefined> {
    const session = this.createSession()
    try {
      yield* session.getMany(cids, options)
    } finally {
      session.close()
    }
  }

  async put(blocks: readonly Block[], options: AbortOptions = {}): Promise<void> {
    this.#assertMounted()
    await store(this.#components, blocks, options)
  }

  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    return cid.multihash.code === IDENTITY || (await this.#components.blockstore.has(cid, options))
  }

  createSession(): BlockSession {
    this.#assertMounted()
    const session = new ExchangingSession(this.#components, () => this.#sessions.delete(session))
    this.#sessions.add(session)
    return session
  }

  close(): void {
    this.unmount()
  }

  unmount(): void {
    if (this.#unmounted) return
    this.#unmounted = true
    for (const session of [...this.#sessions]) session.close()
    this.#onUnmount()
  }

  #assertMounted(): void {
    if (this.#unmounted) throw new ClusterError('STOPPED', 'the blocks are not mounted any more')
  }
}

class ExchangingSession implements BlockSession {
  readonly #components: BlockServiceComponents
  readonly #onClose: () => void
  /** Opened at the first block. */
  #session: BitswapSession | undefined
  #closed = false

  constructor(components: BlockServiceComponents, onClose: () => void) {
    this.#components = components
    this.#onClose = onClose
  }

  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    if (this.#closed) throw new ClusterError('STOPPED', 'the session is closed')
    this.#session ??= this.#components.bitswap.createSession()
    let isLocal = cid.multihash.code === IDENTITY
    const local = async (): Promise<Uint8Array | undefined> => {
      const found = await this.#read(cid, options)
      isLocal ||= found !== undefined
      return found
    }
    const { signal } = options
    const bytes = await this.#session
      .want(cid, signal === undefined ? { local } : { signal, local })
      .catch((error: unknown) => {
        signal?.throwIfAborted()
        const failure = exchangeError(error)
        if (failure.code === 'LIMIT') this.#components.onLimit?.(failure)
        throw failure
      })
    if (!isLocal) await store(this.#components, [{ cid, bytes }], options)
    return bytes
  }

  getMany(
    cids: Iterable<CID> | AsyncIterable<CID>,
    options: AbortOptions = {}
  ): AsyncGenerator<Block, void, undefined> {
    return boundedFetch(cids, async (cid, signal) => ({ cid, bytes: await this.get(cid, { signal }) }), options)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#session?.close()
    this.#onClose()
  }

  /** The block from the store; `undefined` when it is not there. */
  async #read(cid: CID, options: AbortOptions): Promise<Uint8Array | undefined> {
    try {
      return await this.#components.blockstore.get(cid, options)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw storageError(error)
    }
  }
}

async function store(
  { blockstore, bitswap }: BlockServiceComponents,
  blocks: readonly Block[],
  options: AbortOptions
): Promise<void> {
  try {
    await blockstore.put(blocks, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw storageError(error)
  }
  // Stored is stored: an abort from here on must not keep the blocks from those who wait for them.
  await bitswap.notifyMany(blocks)
}
