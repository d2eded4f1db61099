import { CID } from 'multiformats/cid'

const linkTag = 42
const decodeText = new TextDecoder('utf-8', { fatal: true })

/**
 * The links of a dag-cbor block: byte strings of tag 42, in order. Only links are decoded, the rest is skipped; the
 * lengths of everything are checked, indefinite lengths and trailing bytes are refused as dag-cbor demands.
 *
 * @throws Error when the bytes are not dag-cbor.
 * @see https://ipld.io/specs/codecs/dag-cbor/spec/
 */
export function cborLinks(bytes: Uint8Array): readonly CID[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: CID[] = []
  let at = 0
  let left = 1 // items still to read; nesting only adds to it, so deep nesting costs nothing
  const take = (length: number): number => {
    if (length > bytes.byteLength - at) throw new Error('unexpected end of CBOR')
    at += length
    return at - length
  }
  const argument = (info: number): number => {
    if (info < 24) return info
    if (info === 24) return view.getUint8(take(1))
    if (info === 25) return view.getUint16(take(2))
    if (info === 26) return view.getUint32(take(4))
    if (info === 27) return Number(view.getBigUint64(take(8)))
    throw new Error('CBOR item of indefinite or reserved length')
  }
  while (left > 0) {
    left--
    const head = view.getUint8(take(1))
    const major = head >> 5
    const value = argument(head & 0x1f)
    switch (major) {
      case 2:
        take(value)
        break
      case 3: {
        const start = take(value)
        decodeText.decode(bytes.subarray(start, at))
        break
      }
      case 4:
        left += value
        break
      case 5:
        left += value * 2
        break
      case 6:
        if (value !== linkTag) throw new Error(`CBOR tag ${value} is not allowed`)
        found.push(link())
        break
      default: // integers, simple values and floats are complete with their argument
    }
    if (left > bytes.byteLength - at) throw new Error('unexpected end of CBOR')
  }
  if (at !== bytes.byteLength) throw new Error('bytes after the end of CBOR')
  return found

  function link(): CID {
    const head = view.getUint8(take(1))
    if (head >> 5 !== 2) throw new Error('CBOR link is not a byte string')
    const length = argument(head & 0x1f)
    const start = take(length)
    if (length < 1 || bytes[start] !== 0) throw new Error('CBOR link has no identity multibase prefix')
    return CID.decode(bytes.slice(start + 1, at))
  }
}
