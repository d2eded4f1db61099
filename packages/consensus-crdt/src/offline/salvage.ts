import type { Logger, Pages, Pin } from '@cluster/api'
import { pinFromPair } from '@cluster/state'
import type { AbortOptions } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import type { OfflineStore } from './opened.ts'

/**
 * The pins of a store that is too damaged to be opened: its values as they lie in the datastore. Changes that were
 * acknowledged and not merged are not among them; entries that are no pins are logged and left out.
 *
 * @see wire-crdt.md §2.2
 */
export async function* salvagedPins({ context, namespace }: OfflineStore, options: AbortOptions): Pages<Pin> {
  const prefix = `${namespace === '/' ? '' : namespace}/s/k`
  // '0' is the character after '/'
  const range = { gte: new Key(`${prefix}/`, false), lt: new Key(`${prefix}0`, false) }
  for await (const page of context.datastore.scan(range, options)) {
    const pins: Pin[] = []
    for (const { key, value } of page) {
      const text = key.toString()
      if (!text.endsWith('/v')) continue
      const pin = pinOf(text.slice(prefix.length, -'/v'.length), value, context.log)
      if (pin !== undefined) pins.push(pin)
    }
    if (pins.length > 0) yield pins
  }
}

function pinOf(key: string, value: Uint8Array, log: Logger): Pin | undefined {
  try {
    return pinFromPair({ key: new Key(key, false), value })
  } catch (error) {
    log.error('an entry of the pinset is no pin and was left out', { key, error })
    return undefined
  }
}
