/**
 * Why a pin or unpin failed, for programs; people read the error beside it.
 *
 * - `no_providers`: nothing of the content was found.
 * - `no_progress`: it began to arrive, then nothing more came.
 * - `disk_full`: IPFS has no room.
 * - `refused`: IPFS will not do it, and asking again will not help.
 * - `ipfs_down`: IPFS does not answer.
 * - `queue_full`: the queue of the tracker has no room.
 * - `failed`: anything else.
 *
 * @see behaviours.md §8 item 13
 */
export const PIN_FAILURES = [
  'no_providers',
  'no_progress',
  'disk_full',
  'refused',
  'ipfs_down',
  'queue_full',
  'failed'
] as const

/** One of {@link PIN_FAILURES}. */
export type PinFailure = (typeof PIN_FAILURES)[number]
