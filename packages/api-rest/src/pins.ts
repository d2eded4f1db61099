import { ClusterError, pinOf, pinTypeFromString, PinType, timestampFromMs } from '@cluster/api'
import { pinOptionsFromQuery, pinToJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { filtered, orBadRequest, parseCid, streamAnswer, valueAnswer, type RestCall, type RestHandler } from './call.ts'

/** @see http-apis.md §3.7, §3.8, §3.13 to §3.15 */
export const pinHandlers = {
  Allocations: (call) => {
    const types = pinTypesOf(call.query.get('filter') ?? '')
    const pages = call.cluster.pins.list({ signal: call.signal })
    return streamAnswer(
      call,
      filtered(pages, ({ type }) => (type & types) !== 0),
      pinToJSON
    )
  },

  Allocation: async ({ cluster, signal, parameter }) =>
    valueAnswer(pinToJSON(await cluster.pins.get(parseCid(parameter('hash')), { signal }))),

  // The depth follows from the mode here as well, and a wrong option stops everything, unlike in the reference.
  Pin: async (call) => {
    const cid = parseCid(call.parameter('hash'))
    const pin = pinOf(cid, pinOptionsFromQuery(call.query, timestampFromMs(call.nowMs)))
    return valueAnswer(pinToJSON(await call.cluster.pins.pin(pin, { signal: call.signal })))
  },

  PinPath: async (call) => {
    const path = pathOf(call)
    const options = pinOptionsFromQuery(call.query, timestampFromMs(call.nowMs))
    return valueAnswer(pinToJSON(await call.cluster.pins.pinPath({ ...options, path }, { signal: call.signal })))
  },

  Unpin: async ({ cluster, signal, parameter }) =>
    valueAnswer(pinToJSON(await cluster.pins.unpin(parseCid(parameter('hash')), { signal }))),

  UnpinPath: async (call) =>
    valueAnswer(pinToJSON(await call.cluster.pins.unpinPath(pathOf(call), { signal: call.signal })))
} as const satisfies Record<string, RestHandler>

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
  if (keyType !== 'ipns') orBadRequest('error parsing path', () => CID.parse(root))
  return `/${keyType}/${path}`
}
