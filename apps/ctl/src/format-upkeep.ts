import { formatTimestamp, type Explanation, type Move, type PeerService } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import { humanBytes } from './text/human-units.ts'

const NAME_WIDTH = 20
const VERDICT_WIDTH = 10

/** What was decided about a peer, as one line. */
export function formatService({ peer, peername, state, since, by }: PeerService): string {
  const title = peername === '' ? peer.toString() : `${peer.toString()} | ${peername}`
  return `${title} | ${state.toUpperCase()} | since ${formatTimestamp(since)} | decided at ${by.toString()}\n`
}

/** A pin that gets other holders, as a line and its reason. */
export function formatMove({ cid, name, add, drop, state, reason, error }: Move): string {
  const title = name === '' ? cid.toString() : `${cid.toString()} | ${name}`
  const holders = [...marked('+', add), ...marked('-', drop)].map((text) => ` ${text}`).join('')
  const why = error === '' ? '' : `: ${error}`
  return `${title} | ${state.toUpperCase()}${why} |${holders} | ${reason}\n`
}

/** What an allocation would decide, and what became of each peer. */
export function formatExplanation(explanation: Explanation): string {
  const { cid, replicationFactorMin: min, replicationFactorMax: max, allocations, error, peers } = explanation
  const title = cid?.toString() ?? 'a pin'
  const outcome =
    error !== ''
      ? `cannot be allocated: ${error}`
      : allocations.length === 0
        ? 'every peer holds it'
        : `would be held by ${allocations.length === 1 ? '1 peer' : `${allocations.length.toString()} peers`}`
  const lines = [`${title} with ${min.toString()} to ${max.toString()} copies: ${outcome}`]
  for (const { peer, peername, verdict, chosen, reason, metrics } of peers) {
    const name = (peername === '' ? peer.toString() : peername).padEnd(NAME_WIDTH)
    const mark = chosen ? '*' : ' '
    const values = metrics.map((metric) => `${metric.name}=${metric.value}`).join(' ')
    lines.push(`  ${mark} ${name} ${verdict.padEnd(VERDICT_WIDTH)} ${values === '' ? '-' : withUnits(values)}`)
    lines.push(`      ${withUnits(reason)}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** Metrics that count bytes, as people read them. */
function withUnits(text: string): string {
  return text.replace(/\b(freespace|reposize)([= ])(\d+)\b/g, (_, name: string, mark: string, bytes: string) => {
    return `${name}${mark}${humanBytes(BigInt(bytes))}`
  })
}

function marked(mark: string, peers: readonly PeerId[]): string[] {
  return peers.map((peer) => `${mark}${peer.toString()}`)
}
