import { formatTimestamp, trackerStatusToString, type GlobalPinInfo } from '@cluster/api'
import { noPaint, type Paint } from './paint.ts'

const NAME_WIDTH = 20

/**
 * The status of a pin at all peers as text.
 *
 * @see cli-config.md §1.9
 */
export function formatStatus(info: GlobalPinInfo, paint: Paint = noPaint): string {
  const title = info.name === '' ? '' : ` | ${info.name}`
  const lines = [`${info.cid.toString()}${title}:`]
  for (const [peer, entry] of [...(info.peerMap ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = (entry.peername === '' ? peer : entry.peername).padEnd(NAME_WIDTH)
    const error = entry.error === '' ? '' : `: ${entry.error}`
    const status = paint(trackerStatusToString(entry.status).toUpperCase(), entry.status) + error
    const attempts = `Attempts: ${entry.attemptCount.toString()}`
    const time = formatTimestamp(entry.timestamp, entry.timeOffsets?.['timestamp'])
    lines.push(`    > ${name} : ${status} | ${time} | ${attempts} | Priority: ${String(entry.priorityPin)}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}
