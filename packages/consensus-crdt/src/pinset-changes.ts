import type { Logger, PinsetChange } from '@cluster/api'
import type { CrdtChange } from '@cluster/merkle-crdt'
import { cidFromKey, pinFromPair } from '@cluster/state'
import { Key } from 'interface-datastore'

/** Changes of keys as changes of the pinset. What is no pin is logged and left out. @see wire-crdt.md §1.8 */
export function pinsetChanges(changes: readonly CrdtChange[], log: Pick<Logger, 'info' | 'error'>): PinsetChange[] {
  const found: PinsetChange[] = []
  for (const change of changes) {
    if (change.type === 'resync') {
      found.push(change)
      continue
    }
    const key = new Key(change.key, false)
    try {
      if (change.type === 'put') {
        const pin = pinFromPair({ key, value: change.value })
        log.info(`new pin added: ${pin.cid.toString()}`)
        found.push({ type: 'pin', pin })
      } else {
        const cid = cidFromKey(key)
        log.info(`pin removed: ${cid.toString()}`)
        found.push({ type: 'unpin', cid })
      }
    } catch (error) {
      log.error('a change of the pinset is no pin and was left out', { key: change.key, error })
    }
  }
  return found
}
