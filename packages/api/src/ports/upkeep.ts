import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { PinOptions } from '../domain/pin.ts'
import type { Explanation, Move, PeerService, ServiceState } from '../domain/upkeep.ts'
import type { Pages } from '../paging.ts'

/** Options of what may move pins. */
export interface UpkeepOptions extends AbortOptions {
  /** Only tells what would be done. */
  readonly dryRun?: boolean | undefined
}

/**
 * Keeps the copies of pins where they should be. Old copies go only when the new ones are there. Listings act as they
 * are read: breaking one off stops the work, and starting it again goes on with what is left.
 *
 * @see behaviours.md §8 items 4 to 7 and 17
 */
export interface Upkeep {
  /** What was decided about peers; those of which nothing was are missing. */
  services(): readonly PeerService[]
  /** Decides about a peer; all peers of this implementation learn it. */
  setService(peer: PeerId, state: ServiceState, options: AbortOptions): Promise<PeerService>
  /** One round of repair over all pins, whoever is responsible for them. */
  repair(options: UpkeepOptions): Pages<Move>
  /** Makes a peer draining, and gives all that it holds to others. */
  drain(peer: PeerId, options: UpkeepOptions): Pages<Move>
  /** Gives all that a peer holds to another one. */
  replace(peer: PeerId, by: PeerId, options: UpkeepOptions): Pages<Move>
  /** Moves pins from the peers that hold most to those that hold fewest. */
  rebalance(options: UpkeepOptions): Pages<Move>
  /** What an allocation would decide now for a pin of the pinset, or for one that is only imagined. */
  explain(
    request: AbortOptions & { readonly cid?: CID | undefined; readonly options?: PinOptions | undefined }
  ): Promise<Explanation>
}
