import type { DatastoreOperation, Pages, PeerDatastore, Pin } from '@cluster/api'
import { Key } from 'interface-datastore'
import type { CountedSet } from './counted-set.ts'
import { encodeRecord, encodeSearched, nameHash, orderKey } from './index-record.ts'
import { countNames } from './name-counts.ts'
import { hold, indexedPin } from './indexed-pin.ts'
import type { SegmentEntry } from './segment.ts'

/** Where places are sorted: the store does it. */
const SORTED = '/b/'
const DELETES_AT_ONCE = 4096

/**
 * Makes an index from the whole pinset, in the memory of one page.
 *
 * @returns how many pins each peer holds
 */
export async function buildIndex(
  store: PeerDatastore,
  order: CountedSet,
  pages: Pages<Pin>,
  signal: AbortSignal
): Promise<Map<string, number>> {
  await clear(store, '/', '/~', signal)
  await order.load(signal)
  const holders = new Map<string, number>()
  for await (const page of pages) {
    const operations: DatastoreOperation[] = []
    for (const pin of page) {
      const served = indexedPin(pin)
      if (served === undefined) continue
      const place = orderKey(served)
      operations.push({ put: { key: new Key(`/k/${served.key}`, false), value: encodeRecord(served) } })
      operations.push({ put: { key: new Key(SORTED + place, false), value: encodeSearched(served) } })
      if (served.name !== '') {
        const key = new Key(`/n/${nameHash(served.name)}${place}`, false)
        operations.push({ put: { key, value: new Uint8Array() } })
      }
      hold(holders, served, 1)
    }
    await store.commit(operations, { durable: false })
  }
  await countNames(store, signal)
  const part = store.namespace(new Key('/o'))
  await order.append(sorted(store, signal), (operations) => part.commit(operations, { durable: false }))
  await clear(store, SORTED, `${SORTED.slice(0, -1)}0`, signal)
  return holders
}

async function* sorted(store: PeerDatastore, signal: AbortSignal): AsyncGenerator<SegmentEntry, void, undefined> {
  const range = { gte: new Key(SORTED, false), lt: new Key(`${SORTED.slice(0, -1)}0`, false) }
  for await (const page of store.scan(range, { signal })) {
    for (const { key, value } of page) yield { key: key.toString().slice(SORTED.length), value: Buffer.from(value) }
  }
}

async function clear(store: PeerDatastore, gte: string, lt: string, signal: AbortSignal): Promise<void> {
  let operations: DatastoreOperation[] = []
  for await (const page of store.scan({ gte: new Key(gte, false), lt: new Key(lt, false) }, { signal })) {
    for (const { key } of page) operations.push({ delete: key })
    if (operations.length < DELETES_AT_ONCE) continue
    await store.commit(operations, { durable: false })
    operations = []
  }
  await store.commit(operations, { durable: false })
}
