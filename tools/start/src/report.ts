import { trackerStatusToString, type GlobalPinInfo } from '@cluster/api'
import type { Added } from './add-content.ts'
import type { RunningPeer } from './three-peers.ts'

type ShownPeer = Pick<RunningPeer, 'name' | 'restUrl' | 'gatewayUrl'>

/** The table of peers and statuses, and where to look. */
export function report(
  peers: readonly ShownPeer[],
  addedAt: ShownPeer,
  added: Added,
  status: GlobalPinInfo,
  link: string
): string {
  const statusOf = (name: string): string => {
    const entry = [...(status.peerMap?.values() ?? [])].find(({ peername }) => peername === name)
    return entry === undefined ? 'unknown' : trackerStatusToString(entry.status).toUpperCase()
  }
  const rows = peers.map(({ name, restUrl, gatewayUrl }) => [
    name === addedAt.name ? `${name} (added here)` : name,
    statusOf(name),
    restUrl,
    gatewayUrl
  ])
  return `
${added.cid.toString()}  ${added.name}

${table(['PEER', 'STATUS', 'REST API', 'GATEWAY'], rows)}

Read back from another peer, the same bytes:
  ${link}

Try:
  npx ipfs-cluster-ctl --host ${hostOf(peers)} status
`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()
  return [head, ...rows].map(line).join('\n')
}

function hostOf([first]: readonly ShownPeer[]): string {
  const { hostname, port } = new URL(first?.restUrl ?? 'http://127.0.0.1:9094')
  return `/ip4/${hostname}/tcp/${port}`
}
