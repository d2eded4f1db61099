import { pinOf, ZERO_PIN_OPTIONS, type AddParams, type AddTarget, type PinOptions } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { code as rawCode } from 'multiformats/codecs/raw'
import { identity } from 'multiformats/hashes/identity'

/**
 * Stands for "not known yet" in the pin that asks for allocations: the CID of no bytes.
 *
 * @see behaviours.md §6.8
 */
export const UNKNOWN_CID: CID = CID.createV1(rawCode, identity.digest(new Uint8Array()))

/** Asks which peers shall get the blocks. */
export async function allocate(
  target: AddTarget,
  params: AddParams,
  signal: AbortSignal | undefined
): Promise<readonly PeerId[]> {
  const pin = pinOf(UNKNOWN_CID, pinOptionsOf(params))
  return await target.blockAllocate(pin, signal === undefined ? {} : { signal })
}

/** The mode of added content is recursive, and it follows up no other pin; shard sizes are for shards. */
export function pinOptionsOf(params: AddParams): PinOptions {
  const { replicationFactorMin, replicationFactorMax, name, userAllocations, expireAt, metadata, origins } = params
  const own = { replicationFactorMin, replicationFactorMax, name, userAllocations, expireAt, metadata, origins }
  return { ...ZERO_PIN_OPTIONS, ...own }
}
