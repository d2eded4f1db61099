import type { PinType, Scope, TrackerStatus } from '@cluster/api'
import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'

/** Options of an upload. */
export interface AddOptions extends AbortOptions {
  /** Told how many bytes of content have been sent so far. */
  readonly onUpload?: (bytes: number) => void
}

/** Which part of a listing is wanted; only our peers know. */
export interface ListingOptions extends AbortOptions {
  /** Only pins with exactly this name. */
  readonly name?: string
  /** Only pins with exactly these metadata, among others. */
  readonly metadata?: ReadonlyMap<string, string>
  /** Only what comes after it: the last one of the page before. */
  readonly after?: CID
  /** At most so many. */
  readonly limit?: number
}

/** Which pins are wanted. */
export interface AllocationsOptions extends ListingOptions {
  readonly types?: readonly PinType[]
}

/** Which statuses are wanted. */
export interface StatusOptions extends ListingOptions, Scope {
  /** Only pins with a peer of one of these; ignored with `cids`. */
  readonly filter?: TrackerStatus | undefined
  readonly cids?: readonly CID[] | undefined
}
