/** Which segments make up a log, oldest first. */
export interface Manifest {
  /** The first index that counts: what is before it is still in the files, but gone. */
  readonly firstIndex: number
  readonly segments: readonly SegmentName[]
}

export interface SegmentName {
  readonly id: number
  /** The index that was to be next when it was begun. */
  readonly base: number
}

const HEAD = 12
const SEGMENT = 16

export function encodeManifest({ firstIndex, segments }: Manifest): Uint8Array {
  const bytes = new Uint8Array(HEAD + segments.length * SEGMENT)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(firstIndex))
  view.setUint32(8, segments.length)
  for (const [at, { id, base }] of segments.entries()) {
    view.setBigUint64(HEAD + at * SEGMENT, BigInt(id))
    view.setBigUint64(HEAD + at * SEGMENT + 8, BigInt(base))
  }
  return bytes
}

export function decodeManifest(bytes: Uint8Array): Manifest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint32(8)
  const segments = Array.from({ length: count }, (_, at) => ({
    id: Number(view.getBigUint64(HEAD + at * SEGMENT)),
    base: Number(view.getBigUint64(HEAD + at * SEGMENT + 8))
  }))
  return { firstIndex: Number(view.getBigUint64(0)), segments }
}

/** `<base index, 20 digits>-<segment id, 16 hex>.seg` */
export function fileOf({ id, base }: SegmentName): string {
  return `${String(base).padStart(20, '0')}-${id.toString(16).padStart(16, '0')}.seg`
}
