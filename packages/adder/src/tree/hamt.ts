import { ClusterError } from '@cluster/api'
import { hamtNode, type CidFormat, type DagLink, type DagNode } from '../dag/dag-node.ts'
import { murmur3 } from './murmur3.ts'

const FANOUT = 256
/** Bytes of the hash of a name, one per level of the tree. */
const MAX_DEPTH = 8

interface Placed {
  readonly hash: bigint
  readonly link: DagLink
}

/**
 * A directory spread over a HAMT of fanout 256.
 *
 * @returns the root, after all nodes below it, which come children before parents
 * @throws {ClusterError} `LIMIT` when names have equal hashes
 * @see behaviours.md §6.4.3
 */
export function* hamtNodes(links: Iterable<DagLink>, format: CidFormat): Generator<DagNode, DagNode, undefined> {
  const encoder = new TextEncoder()
  const placed = Array.from(links, (link): Placed => ({ hash: murmur3(encoder.encode(link.name)), link }))
  placed.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))
  return yield* shardNodes(placed, 0, format)
}

function* shardNodes(
  placed: readonly Placed[],
  depth: number,
  format: CidFormat
): Generator<DagNode, DagNode, undefined> {
  if (depth === MAX_DEPTH) throw new ClusterError('LIMIT', 'sharded directory too deep: names with equal hashes')
  const links: DagLink[] = []
  const bitfield = new Uint8Array(FANOUT / 8)
  for (let from = 0; from < placed.length;) {
    const index = indexAt(placed, from, depth)
    let to = from + 1
    while (to < placed.length && indexAt(placed, to, depth) === index) to++
    const prefix = index.toString(16).toUpperCase().padStart(2, '0')
    const only = to === from + 1 ? placed[from] : undefined
    if (only === undefined) {
      const { cid, bytes, cumSize } = yield* shardNodes(placed.slice(from, to), depth + 1, format)
      yield { cid, bytes, cumSize }
      links.push({ name: prefix, cid, cumSize })
    } else {
      links.push({ ...only.link, name: prefix + only.link.name })
    }
    setBit(bitfield, index)
    from = to
  }
  const first = bitfield.findIndex((byte) => byte !== 0)
  return hamtNode(links, bitfield.subarray(first), FANOUT, format)
}

/** Which of the 256 places an entry takes on a level: the byte of its hash, the highest first. */
function indexAt(placed: readonly Placed[], at: number, depth: number): number {
  return Number(((placed[at]?.hash ?? 0n) >> BigInt(56 - 8 * depth)) & 0xffn)
}

/** The bit field is one big-endian number: place 0 is its lowest bit, and leading zero bytes are left out. */
function setBit(bitfield: Uint8Array, index: number): void {
  const at = bitfield.length - 1 - (index >> 3)
  bitfield[at] = (bitfield[at] ?? 0) | (1 << (index & 7))
}
