import type { StableState } from '../core/output.ts'

const HEAD = 18

/** What a server that never ran has. */
export const NO_STABLE_STATE: StableState = { term: 0, voteTerm: 0, vote: '' }

/** Term and vote as one record. @see wire-raft.md §3.12 */
export function encodeStable({ term, voteTerm, vote }: StableState): Uint8Array {
  const name = Buffer.from(vote, 'latin1')
  const bytes = new Uint8Array(HEAD + name.length)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(term))
  view.setBigUint64(8, BigInt(voteTerm))
  view.setUint16(16, name.length)
  bytes.set(name, HEAD)
  return bytes
}

export function decodeStable(bytes: Uint8Array): StableState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const name = bytes.subarray(HEAD, HEAD + view.getUint16(16))
  return {
    term: Number(view.getBigUint64(0)),
    voteTerm: Number(view.getBigUint64(8)),
    vote: Buffer.from(name).toString('latin1')
  }
}
