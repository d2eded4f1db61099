import { hash } from 'node:crypto'
import type { CrdtPair } from '@cluster/merkle-crdt'
import { base32upper } from 'multiformats/bases/base32'

/** The CID of a raw block of 32 digest bytes, in front of its digest. */
const CID_PREFIX = Uint8Array.of(0x01, 0x55, 0x12, 0x20)
/** Protobuf of the other members of a pin with a short name: type, depth, options, time. */
const REST = Uint8Array.from(Buffer.from('10012001320b080110011a0568656c6c6f38808bd2bb06', 'hex'))

/** A pin as it stands in the store: its key of 59 bytes, and the 61 bytes of a pin with a name. */
export function pinPair(index: number): CrdtPair {
  const cid = new Uint8Array(36)
  cid.set(CID_PREFIX)
  cid.set(hash('sha256', index.toString(), 'buffer'), CID_PREFIX.length)
  const value = new Uint8Array(2 + cid.length + REST.length)
  value.set([0x0a, cid.length])
  value.set(cid, 2)
  value.set(REST, 2 + cid.length)
  return { key: `/${base32upper.baseEncode(cid)}`, value }
}

/** So many pins, in pages. */
export async function* pinPages(count: number): AsyncGenerator<readonly CrdtPair[]> {
  const PAGE = 1000
  for (let first = 0; first < count; first += PAGE) {
    await Promise.resolve()
    yield Array.from({ length: Math.min(PAGE, count - first) }, (_, index) => pinPair(first + index))
  }
}
