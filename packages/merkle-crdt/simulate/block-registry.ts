import { blockPrefix } from './image.ts'
import { readBlock, type ModelBlock } from './model-block.ts'

/** Every block that was ever written to a disk, and who wrote it first. */
export class BlockRegistry {
  readonly blocks = new Map<string, ModelBlock>()
  readonly #authors = new Map<string, number>()

  /** An entry was written to the disk of a peer. */
  wrote(peer: number, text: string, value: Uint8Array): void {
    if (!text.startsWith(blockPrefix)) return
    const id = text.slice(blockPrefix.length - 1)
    if (this.blocks.has(id)) return
    this.blocks.set(id, readBlock(id, value))
    this.#authors.set(id, peer)
  }

  /**
   * The blocks that a peer made itself. Two peers can make the same one: when nothing in it is theirs alone, as in a
   * delete.
   *
   * @param fetched - blocks that it got from others
   */
  *ownOf(peer: number, fetched: ReadonlySet<string>): Generator<string> {
    for (const [id, author] of this.#authors) {
      if (author === peer || (!fetched.has(id) && this.blocks.get(id)?.elements.length === 0)) yield id
    }
  }
}
