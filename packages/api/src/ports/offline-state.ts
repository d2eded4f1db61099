import type { AbortOptions } from '@libp2p/interface'
import type { Pin } from '../domain/pin.ts'
import type { Pages } from '../paging.ts'

/** The pinset of a peer that does not run. */
export interface OfflineState {
  export(options: AbortOptions): Pages<Pin>
  /** Replaces the pinset; nothing changes unless all pins were taken. */
  import(pins: Pages<Pin>, options: AbortOptions): Promise<void>
  clean(options: AbortOptions): Promise<void>
}
