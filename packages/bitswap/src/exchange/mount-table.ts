import { type Blocks, ClusterError } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { type BitswapBlockstore, isNotFound } from '../server/block-reader.ts'

/** The stores of all mounts as one that peers are served from, in the order in which they were mounted. */
export class MountTable implements BitswapBlockstore {
  readonly #mounts = new Map<string, Blocks>()

  /** @throws ClusterError `BUSY` */
  add(name: string, blocks: Blocks): void {
    if (this.#mounts.has(name)) throw new ClusterError('BUSY', `blocks are mounted as ${name} already`)
    this.#mounts.set(name, blocks)
  }

  remove(name: string): void {
    this.#mounts.delete(name)
  }

  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    return (await this.#first((blocks) => blocks.size(cid, options))) !== undefined
  }

  /** @throws ClusterError `NOT_FOUND`; the error of a store, when no other has the block */
  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    return found(cid, await this.#first((blocks) => blocks.get(cid, options)))
  }

  /** @throws ClusterError `NOT_FOUND`; the error of a store, when no other has the block */
  async getSize(cid: CID, options: AbortOptions = {}): Promise<number> {
    return found(cid, await this.#first((blocks) => blocks.size(cid, options)))
  }

  /** A store that fails does not hide what another has. */
  async #first<T>(ask: (blocks: Blocks) => Promise<T | undefined>): Promise<T | undefined> {
    let failure: { error: unknown } | undefined
    for (const blocks of this.#mounts.values()) {
      try {
        const answer = await ask(blocks)
        if (answer !== undefined) return answer
      } catch (error) {
        if (!isNotFound(error)) failure ??= { error }
      }
    }
    if (failure !== undefined) throw failure.error
    return undefined
  }
}

function found<T>(cid: CID, answer: T | undefined): T {
  if (answer === undefined) throw new ClusterError('NOT_FOUND', `${cid.toString()} is in no mount`)
  return answer
}
