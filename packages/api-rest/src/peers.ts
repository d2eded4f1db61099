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
import { parseBody, readBody } from './read-body.ts'

/** @see http-apis.md §3.2 to §3.6 */
export const peerHandlers = {
  ID: async ({ cluster, signal }) => valueAnswer(idToJSON(await cluster.members.id({ signal }))),

  Version: ({ cluster }) => valueAnswer(versionToJSON(cluster.health.version())),

  Peers: (call) => streamAnswer(call, onePerPage(peersOf(call)), idToJSON),

  PeerAdd: async (call) => {
    const peer = peerOfBody(await readBody(call))
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

/** Keys are matched in any case, and what follows the value is not looked at, as in the reference. */
function peerOfBody(body: string): PeerId {
  const json = parseBody(body)
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
