import { MAX_PAGE_ITEMS, TrackerStatus, type Pages, type PinInfo, type TrackedPin } from '@cluster/api'
import { decode, encode } from '@cluster/msgpack'
import { pinInfoForm } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const RAW = 0x55
const SHA2_256 = 0x12
const DIGEST_BYTES = 32
/** Odd, so that it permutes the numbers below any power of two. */
const STRIDE = 0x9e3779b1

/** The statuses of so many pins in pinset order, made anew whenever they are read. */
export async function* manyStatuses(count: number): Pages<TrackedPin> {
  const timestamp = BigInt(Date.now()) * 1_000_000n
  for (let start = 0; start < count; start += MAX_PAGE_ITEMS) {
    const length = Math.min(MAX_PAGE_ITEMS, count - start)
    yield await Promise.resolve(Array.from({ length }, (_, index) => statusOf(start + index, timestamp)))
  }
}

/**
 * The same as another peer sends them: bytes, of which only the CIDs differ, read one by one. What the sender does is
 * none of the asking peer's business, so it costs next to nothing here. In pinset order, or in one that has nothing to
 * do with it, as peers of the reference answer; then the count is a power of two.
 */
export async function* manyAnswers(
  count: number,
  order: 'pinset' | 'shuffled',
  from: Pick<PinInfo, 'peer' | 'peername' | 'ipfsPeerId' | 'ipfsPeerAddresses'>
): AsyncGenerator<PinInfo, void, undefined> {
  const model = statusOf(0, BigInt(Date.now()) * 1_000_000n)
  const bytes = encode(pinInfoForm.msgpack, { ...model, ...from })
  const at = Buffer.from(bytes).indexOf(model.cid.bytes) + model.cid.bytes.length - DIGEST_BYTES
  for (let index = 0; index < count; index += 1) {
    const number = order === 'pinset' ? index : Math.imul(index, STRIDE) & (count - 1)
    const answer = Uint8Array.from(bytes)
    answer.set(digestOf(number), at)
    yield decode(pinInfoForm.msgpack, answer)
    if (index % MAX_PAGE_ITEMS === 0) await Promise.resolve()
  }
}

/** Numbers ascend as their CIDs do in pinset order. */
function statusOf(number: number, timestamp: bigint): TrackedPin {
  return {
    cid: CID.createV1(RAW, create(SHA2_256, digestOf(number))),
    name: `pin ${number}`,
    allocations: undefined,
    origins: undefined,
    created: timestamp,
    metadata: undefined,
    status: TrackerStatus.pinned,
    timestamp,
    error: '',
    attemptCount: 1,
    priorityPin: false
  }
}

/** Pinset order is that of base32 texts, where digits, which stand for the greatest values, come before letters. */
function inPinsetOrder(number: number): number {
  let value = 0
  for (let shift = 15; shift >= 0; shift -= 5) value = (value << 5) | ((((number >> shift) & 31) + 26) & 31)
  // The text's first letter of the digest begins three bits into it.
  return value << 9
}

function digestOf(number: number): Uint8Array {
  const digest = Buffer.alloc(DIGEST_BYTES, number & 255)
  digest.writeUInt32BE(inPinsetOrder(number), 0)
  return digest
}
