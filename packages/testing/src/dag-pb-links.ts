import { CID } from 'multiformats/cid'

/** A link of a dag-pb node. */
export interface DagPbLink {
  readonly cid: CID
  readonly name: string
}

/** The links of a dag-pb node that is well formed. */
export function dagPbLinks(node: Uint8Array): DagPbLink[] {
  return [...fields(node)].flatMap(([field, link]) => (field === 2 && typeof link !== 'number' ? [readLink(link)] : []))
}

function readLink(link: Uint8Array): DagPbLink {
  const parts = new Map(fields(link))
  const hash = parts.get(1)
  const name = parts.get(2)
  if (!(hash instanceof Uint8Array)) throw new Error('a link without a hash')
  return { cid: CID.decode(hash), name: name instanceof Uint8Array ? Buffer.from(name).toString('utf8') : '' }
}

/** The fields of a protobuf message: numbers and byte strings. */
function* fields(message: Uint8Array): Generator<[number, Uint8Array | number]> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    const value = varint()
    if ((tag & 7) === 0) yield [tag >>> 3, value]
    else {
      yield [tag >>> 3, message.subarray(at, at + value)]
      at += value
    }
  }
}
