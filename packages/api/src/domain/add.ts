import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { PinOptions } from './pin.ts'
import { addParamsSchema } from './schemas.ts'

/** A block on its way to a destination; `cumSize` (bytes of the DAG below) is for information. */
export interface NodeWithMeta {
  readonly data: Uint8Array
  readonly cid: CID
  readonly cumSize: bigint
}

/** How content is added. */
export interface AddParams extends PinOptions {
  /** Store blocks at the receiving peer only; pin as usual. */
  readonly local: boolean
  readonly recursive: boolean
  readonly hidden: boolean
  /** Put everything into one directory. */
  readonly wrapWithDirectory: boolean
  readonly shard: boolean
  readonly progress: boolean
  readonly streamChannels: boolean
  readonly noPin: boolean
  readonly format: 'unixfs' | 'car'
  readonly layout: 'balanced' | 'trickle'
  /** `size-<bytes>`, `rabin`, `rabin-<avg>`, `rabin-<min>-<avg>-<max>` or `buzhash`. */
  readonly chunker: string
  readonly rawLeaves: boolean
  /** Name of the hash function, lower case. */
  readonly hash: string
  readonly cidVersion: number
  readonly noCopy: boolean
}

/**
 * The parameters of an add without options.
 *
 * @see wire-host-rpc.md §4.5
 */
export const DEFAULT_ADD_PARAMS: AddParams = Object.freeze(addParamsSchema.parse({}))

/** One event of an add: progress (`bytes`), or something finished (`cid`, `size`). */
export interface AddedOutput {
  readonly name: string
  readonly cid: CID | undefined
  readonly bytes: bigint
  readonly size: bigint
  readonly allocations: readonly PeerId[] | undefined
}

/**
 * A file, directory or symbolic link to add. `path` is relative, parts joined by `/`; parents that have no entry of
 * their own exist by implication. Entries come in depth-first order.
 *
 * @see behaviours.md §6.3
 */
export type FileEntry =
  | {
      readonly type: 'file'
      readonly path: string
      readonly content: AsyncIterable<Uint8Array>
      readonly source?: string
    }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
