import { ClusterError, isClusterError, pinOf, pinsetKey, type Pin, type PinOptions } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { emptyAnswer, guardOf, ownedMeta, valueAnswer, type ServiceCall, type ServiceHandler } from './call.ts'
import { currentDelegates } from './delegates.ts'
import { listCids } from './list-by-status.ts'
import { listQueryOf } from './list-query.ts'
import { pinStatusValue } from './pin-status.ts'
import { readBody } from './read-body.ts'
import { servedPin, servedPinOf, type ServedPin } from './served-pin.ts'
import { serviceStatusOf } from './service-status.ts'
import { until } from './until.ts'
import { wantedPinOf, type WantedPin } from './wanted-pin.ts'

/** How long a removal waits for a pin that was accepted and is not yet in the pinset. */
const ARRIVAL_LIMIT_MS = 15_000
/** How long a pin that gets another name is waited for until its peers have seen that they have it. */
const REPIN_LIMIT_MS = 1000

/** @see http-apis.md §6.7 to §6.11 */
export const pinHandlers = {
  ListPins: async (call) => {
    const { cluster, recent, signal } = call
    const query = listQueryOf(call.query)
    const { count, results } =
      query.cids === undefined
        ? await call.list(query, { signal })
        : await listCids(cluster, query.cids, query, recent.all(), { signal })
    const delegates = await currentDelegates(cluster, { signal })
    return valueAnswer({
      count,
      results: results.map((found) => pinStatusValue(found, delegates.of(found.pin.allocations)))
    })
  },

  AddPin: async (call) => {
    const wanted = wantedPinOf(await readBody(call.env.incoming))
    return accepted(call, await pin(call, wanted, {}))
  },

  GetPin: async (call) => {
    const { cluster, recent, signal, requestId } = call
    const cid = requestId()
    const change = recent.get(pinsetKey(cid))
    if (change?.type === 'removed') throw new ClusterError('NOT_FOUND', 'pin not found')
    const info = await cluster.statuses.status(cid, { signal })
    const status = serviceStatusOf(info)
    const found = status === undefined ? undefined : { pin: servedPin(info, info.created), status }
    const shown = found ?? (change === undefined ? undefined : { pin: change.pin, status: 'queued' as const })
    if (shown === undefined) throw new ClusterError('NOT_FOUND', 'pin not found')
    const delegates = await currentDelegates(cluster, { signal })
    return valueAnswer(pinStatusValue(shown, delegates.of(shown.pin.allocations)))
  },

  /** The pin of the body takes the place of another; the same CID only gets what the body says. */
  ReplacePin: async (call) => {
    const old = call.requestId()
    const wanted = wantedPinOf(await readBody(call.env.incoming))
    const existing = await arrived(call, old)
    guardOf(call).guard?.(existing)
    const { replicationFactorMin, replicationFactorMax, expireAt, mode } = existing
    const pinned = await pin(call, wanted, { replicationFactorMin, replicationFactorMax, expireAt, mode })
    if (wanted.cid.equals(old)) await pinnedAgain(call, old)
    else await unpin(call, old)
    return accepted(call, pinned)
  },

  RemovePin: async (call) => {
    const cid = call.requestId()
    await arrived(call, cid)
    await unpin(call, cid)
    return emptyAnswer(202)
  }
} as const satisfies Record<string, ServiceHandler>

async function pin(call: ServiceCall, wanted: WantedPin, more: Partial<PinOptions>): Promise<ServedPin> {
  const { cluster, recent, signal } = call
  const { cid, name, origins, meta } = wanted
  const metadata = ownedMeta(call, meta)
  const made = await cluster.pins.pin(pinOf(cid, { ...more, name, origins, metadata }), { ...guardOf(call), signal })
  const served = servedPinOf(made)
  recent.pinned(served)
  return served
}

/** The content is there already: who asks at once should not see it go, if it takes a moment only to find out. */
async function pinnedAgain({ cluster, clock, signal }: ServiceCall, cid: CID): Promise<void> {
  const look = async (): Promise<true | undefined> =>
    serviceStatusOf(await cluster.statuses.status(cid, { signal })) === 'pinned' ? true : undefined
  await until(clock, look, REPIN_LIMIT_MS, signal)
}

async function unpin(call: ServiceCall, cid: CID): Promise<void> {
  const { cluster, recent, signal } = call
  await cluster.pins.unpin(cid, { ...guardOf(call), signal })
  recent.removed(pinsetKey(cid))
}

/** The pin of the pinset. One that was accepted here just now is waited for. */
async function arrived({ cluster, recent, clock, signal }: ServiceCall, cid: CID): Promise<Pin> {
  const key = pinsetKey(cid)
  const isAwaited = (): boolean => recent.get(key)?.type === 'pinned'
  if (recent.get(key)?.type === 'removed') throw notPinned()
  const look = async (): Promise<Pin | undefined> => {
    try {
      return await cluster.pins.get(cid, { signal })
    } catch (error) {
      if (isClusterError(error, 'NOT_IN_PINSET') && isAwaited()) return undefined
      throw error
    }
  }
  const found = await until(clock, look, ARRIVAL_LIMIT_MS, signal)
  if (found === undefined)
    throw new ClusterError('TIMEOUT', 'the pin is accepted, but not yet in the pinset: try again')
  return found
}

const notPinned = (): ClusterError => new ClusterError('NOT_IN_PINSET', 'pin is not part of the pinset')

async function accepted({ cluster, signal }: ServiceCall, made: ServedPin): Promise<Response> {
  const delegates = await currentDelegates(cluster, { signal })
  return valueAnswer(pinStatusValue({ pin: made, status: 'queued' }, delegates.of(made.allocations)), 202)
}
