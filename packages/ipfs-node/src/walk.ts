import type { CID } from 'multiformats/cid'
import { DigestSet } from './digest-set.ts'
import { IpfsNodeError } from './errors.ts'
import { isLeafCodec, linksOf } from './links.ts'
import { identityHash } from './verify.ts'

/** Blocks that wait to be visited: beyond it the DAG is refused, before it fills the memory. */
const maxPendingNodes = 1_000_000

/** How a DAG is walked. */
export interface WalkOptions {
  /** Levels below the root to follow; Infinity for all. */
  depth: number
  /** Blocks in work at once. */
  concurrency: number
  /** Called once for each block; the bytes are needed when `leaf` is false. */
  visit(cid: CID, leaf: boolean, signal: AbortSignal): Promise<Uint8Array | undefined>
  signal?: AbortSignal | undefined
  /** Blocks that need no visit any more, by multihash and codec; shared by walks that end at the same blocks. */
  seen?: DigestSet
}

interface Node {
  readonly cid: CID
  readonly level: number
}

/**
 * Visits the blocks below `root` and the root itself, each once, several at a time. Depth first, so that the blocks
 * that wait stay few; with a limited depth level by level, so that each block is met on its shortest path.
 *
 * Rejects with the first error of a visit, after all visits in progress have ended.
 *
 * @throws IpfsNodeError `UNKNOWN_CODEC`, `BAD_BLOCK`, `DAG_TOO_LARGE`
 */
export async function walkDag(root: CID, options: WalkOptions): Promise<void> {
  const seen = options.seen ?? new DigestSet()
  const limited = Number.isFinite(options.depth)
  let level: Node[] = []
  const offer = (target: Node[], cid: CID, depth: number): void => {
    if (!seen.add(cid.multihash, cid.code)) return
    if (target.length >= maxPendingNodes) {
      throw new IpfsNodeError('DAG_TOO_LARGE', `more than ${maxPendingNodes} blocks wait below ${root.toString()}`)
    }
    target.push({ cid, level: depth })
  }
  offer(level, root, 0)
  while (level.length > 0) {
    const next: Node[] = limited ? [] : level
    await drain(level, options, async (node, signal) => {
      const leaf = isLeafCodec(node.cid.code) || node.level >= options.depth
      const bytes = await visitOne(node.cid, leaf, signal)
      if (leaf || bytes === undefined) return
      const links = linksOf(node.cid, bytes)
      for (let i = links.length - 1; i >= 0; i--) {
        const link = links[i]
        if (link !== undefined) offer(next, link, node.level + 1)
      }
    })
    level = next
  }

  async function visitOne(cid: CID, leaf: boolean, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (cid.multihash.code !== identityHash) return await options.visit(cid, leaf, signal)
    return cid.multihash.digest // carries its own bytes: nothing is stored, fetched or counted
  }
}

/** Takes nodes from the end of `nodes` until it is empty and nothing is in work; `work` may add to it. */
async function drain(
  nodes: Node[],
  options: WalkOptions,
  work: (node: Node, signal: AbortSignal) => Promise<void>
): Promise<void> {
  options.signal?.throwIfAborted()
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const outcome: { failure?: { error: unknown } } = {}
  let active = 0
  await new Promise<void>((resolve) => {
    const fail = (error: unknown): void => {
      outcome.failure ??= { error }
      stop.abort(error)
    }
    const pump = (): void => {
      if (options.signal?.aborted === true) fail(options.signal.reason)
      while (outcome.failure === undefined && active < options.concurrency) {
        const node = nodes.pop()
        if (node === undefined) break
        active++
        void work(node, signal)
          .catch(fail)
          .finally(() => {
            active--
            pump()
          })
      }
      if (active === 0) resolve()
    }
    pump()
  })
  if (outcome.failure !== undefined) throw outcome.failure.error
}
