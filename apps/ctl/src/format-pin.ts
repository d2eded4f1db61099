import { formatTimestamp, isPinEverywhere, PinMode, pinTypeToString, type Pin, type Timestamp } from '@cluster/api'

/**
 * An entry of the pinset as one line.
 *
 * @see cli-config.md §1.9
 */
export function formatPin(pin: Pin): string {
  const type = pinTypeToString(pin.type).toUpperCase() + (pin.mode === PinMode.direct ? '-DIRECT' : '')
  const metadata = (pin.metadata?.size ?? 0) > 0 ? 'yes' : 'no'
  const columns = [
    pin.cid.toString(),
    pin.name,
    type,
    ...replicationColumns(pin),
    depthText(pin.maxDepth),
    `Metadata: ${metadata}`,
    `Exp: ${timeText(pin.expireAt, '∞')}`,
    `Added: ${timeText(pin.timestamp, 'unknown')}`
  ]
  return `${columns.join(' | ')}\n`
}

function replicationColumns(pin: Pin): string[] {
  if (isPinEverywhere(pin)) return ['Repl. Factor: -1', 'Allocations: [everywhere]']
  const factors = `${pin.replicationFactorMin.toString()}--${pin.replicationFactorMax.toString()}`
  const peers = (pin.allocations ?? []).map(String).sort().join(' ')
  return [`Repl. Factor: ${factors}`, `Allocations: [${peers}]`]
}

function depthText(depth: number): string {
  if (depth === 0) return 'Direct'
  return depth === -1 ? 'Recursive' : `Recursive-${depth.toString()}`
}

function timeText(time: Timestamp | undefined, none: string): string {
  return time === undefined ? none : formatTimestamp(time).slice(0, 19).replace('T', ' ')
}
