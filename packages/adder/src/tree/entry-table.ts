import { CID } from 'multiformats/cid'

/** What a finished file or symbolic link is to its directory. */
export interface TableEntry {
  readonly cid: CID
  readonly cumSize: number
}

const HEADER_BYTES = 10
const FIRST_CAPACITY = 4096

/**
 * CIDs and sizes, appended and read by position. An entry takes about 46 bytes instead of the several hundred of a CID
 * object, so that adds of millions of files fit into memory.
 */
export class EntryTable {
  #bytes = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  /** @returns the position of the entry */
  add({ cid, cumSize }: TableEntry): number {
    const position = this.#length
    const end = position + HEADER_BYTES + cid.bytes.length
    if (end > this.#bytes.length) this.#grow(end)
    const view = new DataView(this.#bytes.buffer)
    view.setUint16(position, cid.bytes.length)
    view.setFloat64(position + 2, cumSize)
    this.#bytes.set(cid.bytes, position + HEADER_BYTES)
    this.#length = end
    return position
  }

  /** The entry at a position that {@link EntryTable.add} gave. */
  get(position: number): TableEntry {
    const view = new DataView(this.#bytes.buffer)
    const start = position + HEADER_BYTES
    const cid = CID.decode(this.#bytes.slice(start, start + view.getUint16(position)))
    return { cid, cumSize: view.getFloat64(position + 2) }
  }

  #grow(wanted: number): void {
    const larger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}
