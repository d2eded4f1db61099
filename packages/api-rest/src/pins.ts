import { ClusterError, pinOf, pinTypeFromString, PinType, timestampFromMs, TrackerStatus, type Pin } from '@cluster/api'
import { cidFromText, pinOptionsFromQuery, pinToJSON } from '@cluster/wire'
import { filtered, orBadRequest, parseCid, streamAnswer, valueAnswer, type RestCall, type RestHandler } from './call.ts'
import { listingPartOf, partOf } from './listing.ts'
import { guardOf, ownedOptions } from './ownership.ts'
import { statusAnswer, waitOf } from './wait.ts'

/** @see http-apis.md §3.7, §3.8, §3.13 to §3.15 */
export const pinHandlers = {
  Allocations: (call) => {
    const types = pinTypesOf(call.query.get('filter') ?? '')
    const part = listingPartOf(call.query)
    const pages = call.cluster.pins.list({ after: part.after, signal: call.signal })
    const typed = filtered(pages, ({ type }) => (type & types) !== 0)
    return streamAnswer(call, partOf(typed, part), pinToJSON)
  },

  Allocation: async ({ cluster, signal, parameter }) =>
    valueAnswer(pinToJSON(await cluster.pins.get(parseCid(parameter('hash')), { signal }))),

  // The depth follows from the mode here as well, and a wrong option stops everything, unlike in the reference.
  Pin: async (call) => {
    const cid = parseCid(call.parameter('hash'))
    const waitMs = waitOf(call)
    const options = pinOptionsFromQuery(call.query, timestampFromMs(call.nowMs))
    const pin = pinOf(cid, await ownedOptions(call, options, cid))
    return answerOf(call, await call.cluster.pins.pin(pin, changeOf(call)), TrackerStatus.pinned, waitMs)
  },

  PinPath: async (call) => {
    const path = pathOf(call)
    const waitMs = waitOf(call)
    const options = await ownedOptions(call, pinOptionsFromQuery(call.query, timestampFromMs(call.nowMs)))
    const pin = await call.cluster.pins.pinPath({ ...options, path }, changeOf(call))
    return answerOf(call, pin, TrackerStatus.pinned, waitMs)
  },

  Unpin: async (call) => {
    const cid = parseCid(call.parameter('hash'))
    const waitMs = waitOf(call)
    return answerOf(call, await call.cluster.pins.unpin(cid, changeOf(call)), TrackerStatus.unpinned, waitMs)
  },

  UnpinPath: async (call) => {
    const path = pathOf(call)
    const waitMs = waitOf(call)
    const pin = await call.cluster.pins.unpinPath(path, changeOf(call))
    return answerOf(call, pin, TrackerStatus.unpinned, waitMs)
  }
} as const satisfies Record<string, RestHandler>

const changeOf = (call: RestCall) => ({ ...guardOf(call), signal: call.signal })

/** The pin, or who has waited gets its status. */
function answerOf(call: RestCall, pin: Pin, target: TrackerStatus, waitMs: number | undefined): Promise<Response> {
  if (waitMs === undefined) return Promise.resolve(valueAnswer(pinToJSON(pin)))
  return statusAnswer(call, pin.cid, target, waitMs)
}

/** Types by name, joined by commas, untrimmed. Unknown ones count only when there is no other. */
function pinTypesOf(filter: string): PinType {
  const union = filter.split(',').reduce((types, name) => types | pinTypeFromString(name), 0)
  if (union === PinType.bad) throw new ClusterError('BAD_REQUEST', 'invalid filter value')
  return union
}

/** `/ipfs/<cid>…`, `/ipld/<cid>…` or `/ipns/<name>…`. */
function pathOf({ parameter }: RestCall): string {
  const keyType = parameter('keyType')
  const path = parameter('path').replace(/\/$/, '')
  const [root = ''] = path.split('/')
  if (keyType !== 'ipns') orBadRequest('error parsing path', () => cidFromText(root))
  return `/${keyType}/${path}`
}
