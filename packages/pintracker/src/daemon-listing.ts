import {
  ClusterError,
  IPFSPinStatus,
  pinsetKey,
  type DatastoreOperation,
  type IpfsConnector,
  type Pages,
  type PeerDatastore
} from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'

/** What IPFS said of a CID when it listed its pins. */
export interface Found {
  readonly key: string
  readonly status: IPFSPinStatus
}

const FOUND = '/a/'
const END = new Key('/a0', false)

/**
 * What IPFS said it has pinned when it was last asked for all of it, sorted through the datastore: it lists in no order,
 * and memory stays that of a page. What the index knows itself by then is taken out; the rest is what others have pinned
 * there, by which pins that IPFS cannot have are told from those that it may have.
 */
export class DaemonListing {
  readonly #store: PeerDatastore
  #isWhole = false

  constructor(store: PeerDatastore) {
    this.#store = store
  }

  /**
   * Asks IPFS for everything that it has pinned.
   *
   * @throws {ClusterError} `IPFS` when it cannot be listed
   */
  async fill(ipfs: Pick<IpfsConnector, 'pinLs'>, options: AbortOptions): Promise<void> {
    await this.clear(options)
    // recursive last: where a CID is pinned both ways, that is what counts
    for (const type of ['direct', 'recursive'] as const) {
      const pages = ipfs.pinLs([type], options)[Symbol.asyncIterator]()
      try {
        for (let next = await nextPage(pages); next.done !== true; next = await nextPage(pages)) {
          const puts = next.value.map(({ cid, type: status }): DatastoreOperation => {
            return { put: { key: keyOf(pinsetKey(cid)), value: Uint8Array.of(status) } }
          })
          await this.#store.commit(puts, { ...options, durable: false })
        }
      } finally {
        await pages.return?.()
      }
    }
    this.#isWhole = true
  }

  /** In pinset order. */
  async *scan(options: AbortOptions): Pages<Found> {
    for await (const page of this.#store.scan({ gte: new Key(FOUND, false), lt: END }, options)) {
      yield page.map(({ key, value }) => ({
        key: key.toString().slice(FOUND.length),
        status: value[0] ?? IPFSPinStatus.bug
      }))
    }
  }

  /** Takes out what the index knows from now on. */
  async forget(keys: readonly string[], options: AbortOptions): Promise<void> {
    if (keys.length === 0) return
    const operations = keys.map((key): DatastoreOperation => ({ delete: keyOf(key) }))
    await this.#store.commit(operations, { ...options, durable: false })
  }

  /** Of each CID that the index knows nothing of: whether it is known that IPFS had nothing pinned for it. */
  async lacks(keys: readonly string[], options: AbortOptions): Promise<readonly boolean[]> {
    if (!this.#isWhole) return keys.map(() => false)
    const where = keys.map(keyOf)
    if (this.#store.readMany === undefined) {
      return Promise.all(where.map(async (key) => !(await this.#store.has(key, options))))
    }
    return (await this.#store.readMany(where, options)).map((found) => found === undefined)
  }

  async clear(options: AbortOptions): Promise<void> {
    this.#isWhole = false
    for await (const page of this.#store.scan({ gte: new Key(FOUND, false), lt: END }, options)) {
      await this.#store.commit(
        page.map(({ key }) => ({ delete: key })),
        { ...options, durable: false }
      )
    }
  }
}

function keyOf(key: string): Key {
  return new Key(FOUND + key, false)
}

/** The next page; a failure of IPFS is told apart from one of the datastore. */
async function nextPage<T>(pages: AsyncIterator<readonly T[]>): Promise<IteratorResult<readonly T[]>> {
  try {
    return await pages.next()
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new ClusterError('IPFS', `could not get pinset from IPFS: ${text}`, { cause: error })
  }
}
