import { IPFSPinStatus, MAX_PAGE_ITEMS, pinOf, pinsetKey, type Pages, type Pin, type ReadonlyState } from '@cluster/api'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'

const RAW = 0x55
const DIGEST_BYTES = 36

/** So many pins, made anew whenever they are read, so that they take no memory of their own. */
export class ManyPins implements ReadonlyState {
  readonly #cids: Buffer
  /** The places of the CIDs in pinset order. */
  readonly #order: Uint32Array
  readonly #timestamp = BigInt(Date.now()) * 1_000_000n

  private constructor(cids: Buffer, order: Uint32Array) {
    this.#cids = cids
    this.#order = order
  }

  static async create(count: number): Promise<ManyPins> {
    const cids = Buffer.alloc(count * DIGEST_BYTES)
    const keys: string[] = []
    for (let at = 0; at < count; at += 1) {
      const cid = CID.createV1(RAW, await sha256.digest(new TextEncoder().encode(`pin ${at}`)))
      cids.set(cid.bytes, at * DIGEST_BYTES)
      keys.push(pinsetKey(cid))
    }
    const places = Array.from({ length: count }, (_, at) => at)
    places.sort((a, b) => ((keys[a] ?? '') < (keys[b] ?? '') ? -1 : 1))
    return new ManyPins(cids, Uint32Array.from(places))
  }

  get count(): number {
    return this.#order.length
  }

  at(index: number): Pin {
    const bytes = this.#cids.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
    return this.#pin(CID.decode(Uint8Array.from(bytes)))
  }

  get(cid: CID): Promise<Pin | undefined> {
    return Promise.resolve(this.#pin(cid))
  }

  async *list(): Pages<Pin> {
    for (let at = 0; at < this.count; at += MAX_PAGE_ITEMS) {
      yield await Promise.resolve([...this.#order.subarray(at, at + MAX_PAGE_ITEMS)].map((index) => this.at(index)))
    }
  }

  /** As a daemon that has all of them lists them. */
  async *listed(): AsyncGenerator<{ readonly cid: CID; readonly type: IPFSPinStatus }[], void, undefined> {
    for (let at = 0; at < this.count; at += MAX_PAGE_ITEMS) {
      const length = Math.min(MAX_PAGE_ITEMS, this.count - at)
      const page = Array.from({ length }, (_, index) => ({
        cid: this.at(at + index).cid,
        type: IPFSPinStatus.recursive
      }))
      yield await Promise.resolve(page)
    }
  }

  #pin(cid: CID): Pin {
    return { ...pinOf(cid, { replicationFactorMin: -1, replicationFactorMax: -1 }), timestamp: this.#timestamp }
  }
}
