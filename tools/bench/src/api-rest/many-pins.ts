import { MAX_PAGE_ITEMS, pinOf, type Pages, type Pin } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const PAGE_ITEMS = MAX_PAGE_ITEMS
/** How often somebody may look at the memory. */
const ITEMS_PER_LOOK = 16 * MAX_PAGE_ITEMS
const RAW = 0x55
const SHA2_256 = 0x12
const DIGEST_BYTES = 32
const PEERS = [testPeerId(1), testPeerId(2)]

/** So many pins, made anew whenever they are read, as a store would. */
export async function* manyPins(count: number, look?: () => void): Pages<Pin> {
  for (let start = 0; start < count; start += PAGE_ITEMS) {
    if (start % ITEMS_PER_LOOK === 0) look?.()
    const length = Math.min(PAGE_ITEMS, count - start)
    // As a store hands them out: the digests of a page are parts of one piece of memory.
    const digests = Buffer.alloc(length * DIGEST_BYTES, 1)
    yield await Promise.resolve(
      Array.from({ length }, (_, index) => pinNumber(start + index, digests.subarray(index * DIGEST_BYTES)))
    )
  }
}

function pinNumber(number: number, memory: Buffer): Pin {
  const digest = memory.subarray(0, DIGEST_BYTES)
  digest.writeUInt32BE(number, 0)
  const cid = CID.createV1(RAW, create(SHA2_256, digest))
  const options = { name: `pin ${number}`, replicationFactorMin: 2, replicationFactorMax: 2, timestamp: 10n ** 18n }
  return { ...pinOf(cid, options), allocations: PEERS }
}
