import { ClusterError, SERVICE_STATES, timestampFromMs, type Upkeep, type UpkeepOptions } from '@cluster/api'
import { explanationToJSON, moveToJSON, peerServiceToJSON, pinOptionsFromQuery } from '@cluster/wire'
import { parseCid, parsePeer, streamAnswer, valueAnswer, type RestCall, type RestHandler } from './call.ts'

/**
 * Repair, and the decisions about peers, below `/repair`: the reference has nothing of it.
 *
 * @see behaviours.md §8 items 4 to 7 and 17
 */
export const upkeepHandlers = {
  Services: (call) => streamAnswer(call, onePage(upkeepOf(call).services()), peerServiceToJSON),

  SetService: async (call) => {
    const name = call.query.get('state') ?? ''
    const state = SERVICE_STATES.find((each) => each === name)
    if (state === undefined)
      throw new ClusterError('BAD_REQUEST', `state: expected one of ${SERVICE_STATES.join(', ')}`)
    const peer = parsePeer(call.parameter('peer'))
    return valueAnswer(peerServiceToJSON(await upkeepOf(call).setService(peer, state, { signal: call.signal })))
  },

  Repair: (call) => streamAnswer(call, upkeepOf(call).repair(optionsOf(call)), moveToJSON),

  Drain: (call) =>
    streamAnswer(call, upkeepOf(call).drain(parsePeer(call.parameter('peer')), optionsOf(call)), moveToJSON),

  Replace: (call) => {
    const [peer, by] = [parsePeer(call.parameter('peer')), parsePeer(call.query.get('by') ?? '')]
    return streamAnswer(call, upkeepOf(call).replace(peer, by, optionsOf(call)), moveToJSON)
  },

  Rebalance: (call) => streamAnswer(call, upkeepOf(call).rebalance(optionsOf(call)), moveToJSON),

  Explain: async (call) => {
    const options = pinOptionsFromQuery(call.query, timestampFromMs(call.nowMs))
    return valueAnswer(explanationToJSON(await upkeepOf(call).explain({ options, signal: call.signal })))
  },

  ExplainPin: async (call) => {
    const cid = parseCid(call.parameter('hash'))
    const options = call.query.size === 0 ? undefined : pinOptionsFromQuery(call.query, timestampFromMs(call.nowMs))
    return valueAnswer(explanationToJSON(await upkeepOf(call).explain({ cid, options, signal: call.signal })))
  }
} as const satisfies Record<string, RestHandler>

function upkeepOf({ cluster }: RestCall): Upkeep {
  if (cluster.upkeep !== undefined) return cluster.upkeep
  throw new ClusterError('NOT_SUPPORTED', 'this peer does not look after pins')
}

/** A dry run is the literal `true`, nothing else. */
function optionsOf({ query, signal }: RestCall): UpkeepOptions {
  return { dryRun: query.get('dry-run') === 'true', signal }
}

async function* onePage<T>(items: readonly T[]): AsyncGenerator<readonly T[], void> {
  if (items.length > 0) yield await Promise.resolve(items)
}
