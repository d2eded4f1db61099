import type { AbortOptions } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Pin } from '../domain/pin.ts'
import type { ListOptions, Pages } from '../paging.ts'

/** A change that somebody asks of the pinset. */
export type PinsetOperation =
  { readonly type: 'pin'; readonly pin: Pin } | { readonly type: 'unpin'; readonly cid: CID }

/** A change that happened; `resync` means: compare with the pinset (start, first sync, overflow). */
export type PinsetChange = PinsetOperation | { readonly type: 'resync' }

/** The pinset, for reading. Its order is that of the keys in the store. Waits until it is readable. */
export interface ReadonlyState {
  get(cid: CID, options: AbortOptions): Promise<Pin | undefined>
  list(options: ListOptions): Pages<Pin>
}
