import { blockPrefix } from './image.ts'
import { readBlock, type ModelBlock } from './model-block.ts'

/** Every block that was ever written to a disk, and who wrote it first. */
export class BlockRegistry {
  readonly blocks = new Map<string, ModelBlock>()
  /** Blocks in which nothing is anybody's alone. */
  readonly #empty: string[] = []
  readonly #own = new Map<number, string[]>()

  /** An entry was written to the disk of a peer. */
  wrote(peer: number, text: string, value: Uint8Array): void {
    if (!text.startsWith(blockPrefix)) return
    const id = text.slice(blockPrefix.length - 1)
    if (this.blocks.has(id)) return
    const block = readBlock(id, value)
    this.blocks.set(id, block)
    if (block.elements.length === 0) this.#empty.push(id)
    const own = this.#own.get(peer)
    if (own === undefined) this.#own.set(peer, [id])
    else own.push(id)
  }

  /**
   * The blocks that a peer made itself. Two peers can make the same one: when nothing in it is theirs alone, as in a
   * delete.
   *
   * @param fetched - blocks that it got from others
   */
  *ownOf(peer: number, fetched: ReadonlySet<string>): Generator<string> {
    yield* this.#own.get(peer) ?? []
    for (const id of this.#empty) if (!fetched.has(id)) yield id
  }
}
