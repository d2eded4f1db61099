import { ClusterError, type ID } from '@cluster/api'
import { idToJSON, versionToJSON, peerIdFromText } from '@cluster/wire'
import type { PeerId } from '@libp2p/interface'
import {
  emptyAnswer,
  onePerPage,
  parsePeer,
  streamAnswer,
  valueAnswer,
  type RestCall,
  type RestHandler
} from './call.ts'

/** Longest body of a request that is no upload. */
const MAX_BODY_BYTES = 1024 * 1024

/** @see http-apis.md §3.2 to §3.6 */
export const peerHandlers = {
  ID: async ({ cluster, signal }) => valueAnswer(idToJSON(await cluster.members.id({ signal }))),

  Version: ({ cluster }) => valueAnswer(versionToJSON(cluster.health.version())),

  Peers: (call) => streamAnswer(call, onePerPage(peersOf(call)), idToJSON),

  PeerAdd: async (call) => {
    const peer = peerOfBody(await bodyOf(call))
    return valueAnswer(idToJSON(await call.cluster.members.add(peer, { signal: call.signal })))
  },

  PeerRemove: async ({ cluster, signal, parameter }) => {
    await cluster.members.remove(parsePeer(parameter('peer')), { signal })
    return emptyAnswer()
  }
} as const satisfies Record<string, RestHandler>

/** When the peers cannot even be listed, clients see none: the error is only logged. */
async function* peersOf({ cluster, signal, log }: RestCall): AsyncGenerator<ID, void, undefined> {
  let count = 0
  try {
    for await (const id of cluster.members.peers({ signal })) {
      count++
      yield id
    }
  } catch (error) {
    if (count > 0 || signal.aborted) throw error
    log.error('the peers of the cluster cannot be listed', { error })
  }
}

async function bodyOf({ env }: RestCall): Promise<string> {
  let length = 0
  const parts: Uint8Array[] = []
  // Breaking off must not destroy the connection, which still has to carry the answer.
  for await (const part of env.incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_BODY_BYTES) throw new ClusterError('LIMIT', `the body is longer than ${MAX_BODY_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Keys are matched in any case, as the reference does. */
function peerOfBody(body: string): PeerId {
  const json = jsonOf(body)
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
  const entry = isObject ? Object.entries(json).find(([key]) => key.toLowerCase() === 'peer_id') : undefined
  const peer: unknown = entry?.[1] ?? ''
  if (!isObject || typeof peer !== 'string') throw new ClusterError('BAD_REQUEST', 'error decoding request body')
  try {
    return peerIdFromText(peer)
  } catch (error) {
    throw new ClusterError('BAD_REQUEST', 'error decoding peer_id', { cause: error })
  }
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new ClusterError('BAD_REQUEST', 'error decoding request body', { cause: error })
  }
}
