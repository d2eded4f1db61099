import { ClusterError, trackerStatusFromString, type GlobalPinInfo, type TrackerStatus } from '@cluster/api'
import { globalPinInfoToJSON } from '@cluster/wire'
import { isLocal, parseCid, streamAnswer, valueAnswer, type RestCall, type RestHandler } from './call.ts'
import { listingPartOf, partOf } from './listing.ts'

/** How many CIDs of one request are asked for at the same time. */
const CIDS_AT_ONCE = 16

/** @see http-apis.md §3.9 to §3.12 */
export const statusHandlers = {
  StatusAll: (call) => {
    const cids = call.query.get('cids') ?? ''
    if (cids !== '') return streamAnswer(call, statusesOf(call, cids.split(',').map(parseCid)), globalPinInfoToJSON)
    const filter = filterOf(call.query.get('filter') ?? '')
    const part = listingPartOf(call.query)
    const options = { local: isLocal(call), after: part.after, signal: call.signal }
    return streamAnswer(call, partOf(call.cluster.statuses.statusAll(filter, options), part), globalPinInfoToJSON)
  },

  Status: async (call) => {
    const options = { local: isLocal(call), signal: call.signal }
    const cid = parseCid(call.parameter('hash'))
    return valueAnswer(globalPinInfoToJSON(await call.cluster.statuses.status(cid, options)))
  },

  Recover: async (call) => {
    const options = { local: isLocal(call), signal: call.signal }
    const cid = parseCid(call.parameter('hash'))
    return valueAnswer(globalPinInfoToJSON(await call.cluster.statuses.recover(cid, options)))
  },

  RecoverAll: (call) => {
    const options = { local: isLocal(call), signal: call.signal }
    return streamAnswer(call, call.cluster.statuses.recoverAll(options), globalPinInfoToJSON)
  }
} as const satisfies Record<string, RestHandler>

/** Unknown names are ignored, unless there is no other. */
function filterOf(text: string): TrackerStatus {
  const filter = trackerStatusFromString(text)
  if (text !== '' && filter === 0) throw new ClusterError('BAD_REQUEST', 'invalid filter value')
  return filter
}

/** The statuses of some CIDs as they come. Those that fail are told at the end, together. */
async function* statusesOf(
  call: RestCall,
  cids: readonly Parameters<RestCall['cluster']['statuses']['status']>[0][]
): AsyncGenerator<readonly GlobalPinInfo[], void, undefined> {
  const options = { local: isLocal(call), signal: call.signal }
  const errors: unknown[] = []
  const waiting = [...cids]
  const asked = new Set<Promise<void>>()
  let ready: GlobalPinInfo[] = []
  const ask = async (cid: (typeof cids)[number]): Promise<void> => {
    try {
      const info = await call.cluster.statuses.status(cid, options)
      // Only now: the list of before may have been handed on.
      ready.push(info)
    } catch (error) {
      errors.push(error)
    }
  }
  while (waiting.length > 0 || asked.size > 0) {
    for (const cid of waiting.splice(0, CIDS_AT_ONCE - asked.size)) {
      const asking = ask(cid).finally(() => asked.delete(asking))
      asked.add(asking)
    }
    await Promise.race(asked)
    const page = ready
    ready = []
    if (page.length > 0) yield page
  }
  if (errors.length === 0) return
  if (errors.length === 1) throw errors[0]
  const texts = errors.map((error) => (error instanceof Error ? error.message : String(error)))
  throw new ClusterError('REMOTE', texts.join('; '), { cause: new AggregateError(errors) })
}
