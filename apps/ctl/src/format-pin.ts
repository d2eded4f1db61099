import { formatTimestamp, isPinEverywhere, PinMode, pinTypeToString, type Pin } from '@cluster/api'
import type { Loose } from '@cluster/wire'

/** An entry of a listing: its CID may be missing, as in Go's zero pin. */
export type ListedPin = Loose<Pin>

/** The text of a missing CID. */
const NO_CID = 'b'

/**
 * An entry of the pinset as one line.
 *
 * @see cli-config.md §1.9
 */
export function formatPin(pin: ListedPin): string {
  const type = pinTypeToString(pin.type).toUpperCase() + (pin.mode === PinMode.direct ? '-DIRECT' : '')
  const metadata = (pin.metadata?.size ?? 0) > 0 ? 'yes' : 'no'
  const columns = [
    pin.cid?.toString() ?? NO_CID,
    pin.name,
    type,
    ...replicationColumns(pin),
    depthText(pin.maxDepth),
    `Metadata: ${metadata}`,
    `Exp: ${timeText(pin, 'expireAt', '∞')}`,
    `Added: ${timeText(pin, 'timestamp', 'unknown')}`
  ]
  return `${columns.join(' | ')}\n`
}

function replicationColumns(pin: ListedPin): string[] {
  if (isPinEverywhere(pin)) return ['Repl. Factor: -1', 'Allocations: [everywhere]']
  const factors = `${pin.replicationFactorMin.toString()}--${pin.replicationFactorMax.toString()}`
  const peers = (pin.allocations ?? []).map(String).sort().join(' ')
  return [`Repl. Factor: ${factors}`, `Allocations: [${peers}]`]
}

function depthText(depth: number): string {
  if (depth === 0) return 'Direct'
  return depth === -1 ? 'Recursive' : `Recursive-${depth.toString()}`
}

/** In the zone in which the peer has written it. */
function timeText(pin: ListedPin, name: 'expireAt' | 'timestamp', none: string): string {
  const time = pin[name]
  return time === undefined ? none : formatTimestamp(time, pin.timeOffsets?.[name]).slice(0, 19).replace('T', ' ')
}
