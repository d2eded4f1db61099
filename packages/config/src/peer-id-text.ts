import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'

/** First characters of the texts that name their base: those of peer IDs as CIDs. */
const BASES = ['b', 'f', 'k', 'u', 'z']
/** Fewest characters of a CID. */
const MIN_CID_LENGTH = 2

/**
 * Reads a peer ID: base58 (`12D3KooW…`, `Qm…`) or a CID with the codec `libp2p-key`.
 *
 * @throws {SyntaxError} with Go's text where the base is wrong
 * @see cli-config.md §4.7
 */
export function parsePeerId(text: string): PeerId {
  try {
    return peerIdFromString(text)
  } catch (error) {
    throw new SyntaxError(`failed to parse peer ID: ${reason(text, error)}`, { cause: error })
  }
}

function reason(text: string, error: unknown): string {
  if (text.length < MIN_CID_LENGTH) return 'invalid cid: cid too short'
  const isBased = text.startsWith('1') || text.startsWith('Qm') || BASES.some((base) => text.startsWith(base))
  if (!isBased) return 'invalid cid: selected encoding not supported'
  return error instanceof Error ? error.message : String(error)
}
