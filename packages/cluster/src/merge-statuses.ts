import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  isClusterError,
  mergePinInfo,
  mergePinInfos,
  pinsetKey,
  toClusterError,
  type ClusterError,
  type GlobalPinInfo,
  type Pages,
  type Pin,
  type PinInfo
} from '@cluster/api'
import type { KeyedStatus, StatusStream } from './status-stream.ts'
import { abortReason } from './wait.ts'

/** Items of a page of merged statuses. Few, so that a page is garbage before the collector takes it for old. */
const PAGE_ITEMS = 64

interface Cursor {
  readonly peer: PeerId
  readonly iterator: AsyncIterator<KeyedStatus>
  head?: KeyedStatus | undefined
  state: 'open' | 'ended' | 'failed' | 'refused'
  error?: ClusterError
}

/** What a merge needs besides the streams. */
export interface MergeOptions extends AbortOptions {
  readonly limit?: number | undefined
  /** Pins to show the failure of peers for, even where no peer that answers lists them. In pinset order. */
  readonly pins?: AsyncIterable<Pin> | undefined
  /** The entry for a peer that failed. */
  failed(peer: PeerId, info: GlobalPinInfo, error: ClusterError): PinInfo
}

/**
 * Merges what peers say of the pinset. Each stream is in pinset order, so this needs memory for one item of each. A
 * peer that fails counts as failed for every CID after its last answer; one that refuses us is left out.
 *
 * @throws {ClusterError} of a peer, once no peer answers any more and one has failed
 * @see behaviours.md §1.18
 */
export async function* mergeStatuses(
  streams: readonly StatusStream[],
  { limit = Infinity, pins, signal, ...options }: MergeOptions
): Pages<GlobalPinInfo> {
  const cursors = streams.map(({ peer, items }): Cursor => {
    return { peer, iterator: items[Symbol.asyncIterator](), state: 'open' }
  })
  const base = pins?.[Symbol.asyncIterator]()
  let pin: { readonly key: string; readonly pin: Pin } | undefined
  const nextPin = async (): Promise<void> => {
    const next = await base?.next()
    pin = next === undefined || next.done === true ? undefined : { key: pinsetKey(next.value.cid), pin: next.value }
  }
  let page: GlobalPinInfo[] = []
  let count = 0
  try {
    await nextPin()
    for (;;) {
      const hungry = cursors.filter(({ state, head }) => state === 'open' && head === undefined)
      if (hungry.length > 0) await Promise.all(hungry.map(advance))
      // Streams that were broken off are no failures of peers.
      if (signal?.aborted === true) throw abortReason(signal)
      assertSomebodyAnswers(cursors)
      const key = smallest([...cursors.map(({ head }) => head?.key), pin?.key])
      if (key === undefined) break
      const info = take(cursors, key, pin?.key === key ? pin.pin : undefined, options)
      if (pin?.key === key) await nextPin()
      if (info === undefined) continue
      page.push(info)
      count += 1
      if (count >= limit) break
      if (page.length < PAGE_ITEMS) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  } finally {
    await Promise.allSettled([...cursors.map(({ iterator }) => iterator.return?.()), base?.return?.()])
  }
}

/** Takes the next item of an open cursor. */
async function advance(cursor: Cursor): Promise<void> {
  try {
    const next = await cursor.iterator.next()
    if (next.done === true) cursor.state = 'ended'
    else cursor.head = next.value
  } catch (error) {
    cursor.state = isClusterError(error, 'UNAUTHORIZED') ? 'refused' : 'failed'
    cursor.error = toClusterError(error)
  }
}

function assertSomebodyAnswers(cursors: readonly Cursor[]): void {
  if (cursors.some(({ state }) => state === 'open' || state === 'ended')) return
  const error = cursors.find(({ state }) => state === 'failed')?.error
  if (error !== undefined) throw error
}

function smallest(keys: readonly (string | undefined)[]): string | undefined {
  return keys.reduce(
    (least, key) => (least === undefined || (key !== undefined && key < least) ? key : least),
    undefined
  )
}

/** The item of a key from all cursors; nothing when no peer has anything to say of it. */
function take(
  cursors: readonly Cursor[],
  key: string,
  pin: Pin | undefined,
  options: Pick<MergeOptions, 'failed'>
): GlobalPinInfo | undefined {
  const heard: PinInfo[] = []
  for (const cursor of cursors) {
    if (cursor.head?.key !== key) continue
    heard.push(cursor.head.info)
    cursor.head = undefined
  }
  let info = mergePinInfos(pin === undefined ? undefined : infoOf(pin), heard)
  if (info === undefined) return undefined
  for (const { peer, state, error } of cursors) {
    if (state === 'failed' && error !== undefined) info = mergePinInfo(info, options.failed(peer, info, error))
  }
  return info.peerMap === undefined ? undefined : info
}

function infoOf({ cid, name, allocations, origins, timestamp, metadata }: Pin): GlobalPinInfo {
  return { cid, name, allocations, origins, created: timestamp, metadata, peerMap: undefined }
}
