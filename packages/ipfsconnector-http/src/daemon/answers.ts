import { ClusterError } from '@cluster/api'
import { parseJson } from '@cluster/wire'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { z } from 'zod'

/** The most of an answer in a wrong form which is worth showing. */
const MAX_SHOWN_CHARACTERS = 1000

/** What Go writes for an absent list. */
const listOf = <T extends z.ZodType>(item: T) => z.array(item).nullish()
/** `id` */
export const idAnswer = z.object({ ID: z.string(), Addresses: listOf(z.string()) })
/** A line of `pin/ls` */
export const pinLine = z.object({ Cid: z.string(), Type: z.string() })
/** `repo/stat` */
export const repoStatAnswer = z.object({
  RepoSize: z.union([z.int(), z.bigint()]),
  StorageMax: z.union([z.int(), z.bigint()])
})
/** A line of `repo/gc` */
export const gcLine = z.object({ Key: z.object({ '/': z.string() }).nullish(), Error: z.string().nullish() })
/** `resolve` */
export const resolveAnswer = z.object({ Path: z.string() })
/** `swarm/peers` */
export const swarmPeersAnswer = z.object({ Peers: listOf(z.object({ Peer: z.string() })) })

/** As Go escapes a query: space becomes a plus. */
export function escapeQuery(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

/** The answer of a call, which is one JSON object. @throws {ClusterError} `IPFS` when it has another form */
export function readJson<T>(call: string, text: string, answer: z.ZodType<T>): T {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    const shown = text.slice(0, MAX_SHOWN_CHARACTERS)
    throw new ClusterError('IPFS', `IPFS answered with what is no JSON (${call}): ${shown}`, { cause: error })
  }
  return readValue(call, json, answer)
}

/** A value of an answer in the form that the call has. @throws {ClusterError} `IPFS` when it has another */
export function readValue<T>(call: string, json: unknown, answer: z.ZodType<T>): T {
  const parsed = answer.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  const text = `IPFS answered ${call} with something else than expected: ${where}${issue?.message ?? ''}`
  throw new ClusterError('IPFS', text, { cause: parsed.error })
}

/** A peer ID of an answer. @throws {ClusterError} `IPFS` */
export function parsePeer(text: string): PeerId {
  try {
    return peerIdFromString(text)
  } catch (error) {
    throw new ClusterError('IPFS', `IPFS answered with a peer ID that is none: ${text}`, { cause: error })
  }
}

/** Whether the text of a CID in an answer, in whatever encoding, names the content that was asked about. */
export function isSameContent(text: string, cid: CID): boolean {
  return Buffer.compare(parseCid(text).multihash.bytes, cid.multihash.bytes) === 0
}

/** A CID of an answer. @throws {ClusterError} `IPFS` */
export function parseCid(text: string): CID {
  try {
    return CID.parse(text)
  } catch (error) {
    throw new ClusterError('IPFS', `IPFS answered with a CID that is none: ${text}`, { cause: error })
  }
}
