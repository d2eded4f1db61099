import type { CID } from 'multiformats/cid'
import type { BlockFiles } from './block-files.ts'
import { DigestSet } from './digest-set.ts'
import { IpfsNodeError } from './errors.ts'
import type { Holds } from './holds.ts'
import type { PinIndex } from './pin-index.ts'
import { walkDag } from './walk.ts'

/** Blocks read at once while marking. */
const markConcurrency = 16

/** One block of a garbage collection: removed, or the reason why it could not be. */
export interface Collected {
  readonly cid: CID
  readonly error?: Error
}

/** What garbage collection works on. */
export interface Garbage {
  readonly blocks: BlockFiles
  readonly pins: PinIndex
  readonly holds: Holds
  readonly signal: AbortSignal | undefined
}

/** Mark and sweep. Marks need about 32 bytes a pinned block; nothing is removed before all marks are set. */
export async function* collectGarbage(garbage: Garbage): AsyncGenerator<Collected> {
  const { blocks, holds, signal } = garbage
  const live = await mark(garbage)
  for await (const cid of blocks.list({ signal })) {
    const isLive = (): boolean => live.has(cid.multihash) || holds.protects(cid.multihash)
    if (isLive()) continue
    try {
      if (await blocks.delete(cid, { unless: isLive })) yield { cid }
    } catch (error) {
      yield { cid, error: error instanceof Error ? error : new Error(String(error)) }
    }
  }
}

async function mark({ blocks, pins, signal }: Garbage): Promise<DigestSet> {
  const live = new DigestSet()
  const seen = new DigestSet()
  for await (const page of pins.list(['recursive', 'direct'], signal === undefined ? {} : { signal })) {
    for (const pin of page) {
      const unlimited = pin.depth < 0
      try {
        await walkDag(pin.cid, {
          depth: unlimited ? Infinity : pin.depth,
          concurrency: markConcurrency,
          signal,
          ...(unlimited ? { seen } : {}),
          visit: async (cid, leaf) => {
            live.add(cid.multihash)
            return leaf ? undefined : await blocks.get(cid)
          }
        })
      } catch (cause) {
        signal?.throwIfAborted()
        if (cause instanceof IpfsNodeError && cause.code === 'DAG_TOO_LARGE') throw cause
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new IpfsNodeError('PIN_INCOMPLETE', `pin ${pin.cid.toString()} cannot be followed: ${reason}`, { cause })
      }
    }
  }
  return live
}
