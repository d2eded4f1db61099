import type { ID } from '@cluster/api'

/**
 * A peer as text: one block of lines.
 *
 * @see cli-config.md §1.9
 */
export function formatId(id: ID): string {
  if (id.error !== '') return `${id.id.toString()} | ERROR: ${id.error}\n`
  const others = ((id.clusterPeers?.length ?? 0) - 1).toString()
  const lines = [`${id.id.toString()} | ${id.peername} | Sees ${others} other peers`, '  > Addresses:']
  lines.push(...addressLines(id.addresses))
  if (id.ipfs.error !== '') lines.push(`  > IPFS ERROR: ${id.ipfs.error}`)
  else lines.push(`  > IPFS: ${id.ipfs.id?.toString() ?? ''}`, ...addressLines(id.ipfs.addresses))
  return lines.map((line) => `${line}\n`).join('')
}

function addressLines(addresses: ID['addresses']): string[] {
  return (addresses ?? [])
    .map(String)
    .sort()
    .map((address) => `    - ${address}`)
}
