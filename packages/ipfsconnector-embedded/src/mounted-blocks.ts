import type { Block, Blocks } from '@cluster/api'
import type { IpfsNode } from '@cluster/ipfs-node'
import { fromEngine } from './to-cluster-error.ts'

/** The content blocks as the exchange serves and fills them. Every block is verified when it is stored. */
export function mountedBlocks(node: IpfsNode): Blocks {
  const { blocks } = node
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw fromEngine(error)
    }
  }
  return {
    has: (cid, options) => translated(() => blocks.has(cid, options)),
    get: (cid, options) => translated(() => blocks.get(cid, options)),
    size: (cid, options) => translated(() => blocks.getSize(cid, options)),
    put: (stored: readonly Block[], options) =>
      translated(async () => {
        await Promise.all(stored.map(({ cid, bytes }) => blocks.put(cid, bytes, options)))
      }),
    delete: (cid, options) =>
      translated(async () => {
        await blocks.delete(cid, options)
      })
  }
}
