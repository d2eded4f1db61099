import type { DatastoreOperation, PeerDatastore } from '@cluster/api'
import { Key } from 'interface-datastore'
import { foldedNameHash, nameHash } from './index-record.ts'

/** Operations of one commit. */
const OPERATIONS_AT_ONCE = 1024

/** A name, by its hash, and how many pins have it. */
export interface NameCount {
  readonly hash: string
  readonly count: number
}

/** The names that differ from one in letter case only. */
export async function namesOf(store: PeerDatastore, name: string, signal: AbortSignal): Promise<readonly NameCount[]> {
  const prefix = `/m/${foldedNameHash(name)}`
  const found: NameCount[] = []
  for await (const page of store.scan({ gte: new Key(prefix, false), lt: new Key(`${prefix}~`, false) }, { signal })) {
    for (const { key, value } of page) {
      found.push({ hash: key.toString().slice('/m/'.length), count: Number(Buffer.from(value).toString()) })
    }
  }
  return found
}

/** Counts all names, from their places. */
export async function countNames(store: PeerDatastore, signal: AbortSignal): Promise<void> {
  const length = nameHash('').length
  let operations: DatastoreOperation[] = []
  let [hash, count] = ['', 0]
  const finish = (): void => {
    if (hash === '') return
    operations.push({ put: { key: new Key(`/m/${hash}`, false), value: Buffer.from(count.toString()) } })
  }
  const range = { gte: new Key('/n/', false), lt: new Key('/n0', false) }
  for await (const page of store.scan(range, { signal })) {
    for (const { key } of page) {
      const next = key.toString().slice('/n/'.length, '/n/'.length + length)
      if (next !== hash) {
        finish()
        hash = next
        count = 0
      }
      count += 1
    }
    if (operations.length < OPERATIONS_AT_ONCE) continue
    await store.commit(operations, { durable: false })
    operations = []
  }
  finish()
  await store.commit(operations, { durable: false })
}
