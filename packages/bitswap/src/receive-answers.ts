import type { Clock } from '@cluster/api'
import type { BlockKey } from './cid/key.ts'
import type { CidPrefix } from './cid/parse.ts'
import type { Client } from './client/client.ts'
import type { Verifier } from './verify/verifier.ts'
import type { DecodedMessage } from './wire/message.ts'

/** A block of a message that hashed to something. */
export interface ArrivedBlock {
  readonly key: BlockKey
  readonly prefix: CidPrefix
  readonly bytes: Uint8Array
  /** Somebody here wanted it. */
  readonly wanted: boolean
}

/** A block that is a smaller part of its frame than this is copied, so that it does not hold the frame in memory. */
const MIN_SHARE_OF_FRAME = 4

/**
 * Takes the blocks and presences of a message to the client, as one step: blocks are hashed first, and only those are
 * hashed that the peer was asked for. What no want names is dropped.
 *
 * @see bitswap.md §4.2, §4.7
 */
export async function receiveAnswers(
  peer: string,
  { blocks, presences }: DecodedMessage,
  client: Client,
  verifier: Verifier,
  clock: Clock
): Promise<ArrivedBlock[]> {
  if (blocks.length === 0 && presences.length === 0) return []
  const expected = blocks.filter(({ prefix: { hashCode, digestLength } }) =>
    client.expects(peer, hashCode, digestLength, clock.nowMs())
  )
  const keys = await Promise.all(expected.map((block) => verifier.keyOf(block)))
  const verified = expected.flatMap(({ prefix, data }, index) => {
    const key = keys[index]
    return key === undefined ? [] : [{ key, prefix, data }]
  })
  const answers = {
    blocks: verified.map(({ key, data }) => ({ key, bytes: data.length })),
    haves: presences.flatMap(({ cid, type }) => (type === 'have' ? [cid] : [])),
    dontHaves: presences.flatMap(({ cid, type }) => (type === 'dont-have' ? [cid] : []))
  }
  const wanted = client.received(peer, answers, clock.nowMs())
  return verified.map(({ key, prefix, data }) => ({ key, prefix, bytes: keep(data), wanted: wanted.has(key) }))
}

function keep(data: Uint8Array): Uint8Array {
  return MIN_SHARE_OF_FRAME * data.byteLength < data.buffer.byteLength ? data.slice() : data
}
