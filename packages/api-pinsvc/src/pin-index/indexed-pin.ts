import { PinType, type Pin } from '@cluster/api'
import { servedPinOf, type ServedPin } from '../served-pin.ts'

/** The pin of the pinset as the service shows it; none where its content stands in other pins. */
export function indexedPin(pin: Pin): ServedPin | undefined {
  return pin.type === PinType.meta ? undefined : servedPinOf(pin)
}

/** Counts the pins of each holder. */
export function hold(holders: Map<string, number>, { allocations }: ServedPin, by: number): void {
  for (const peer of allocations) {
    const left = (holders.get(peer) ?? 0) + by
    if (left > 0) holders.set(peer, left)
    else holders.delete(peer)
  }
}
