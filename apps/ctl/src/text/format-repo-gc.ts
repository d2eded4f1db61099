import type { GlobalRepoGC } from '@cluster/api'

const NAME_WIDTH = 15

/**
 * What a garbage collection removed at each peer.
 *
 * @see cli-config.md §1.9
 */
export function formatRepoGC({ peerMap }: GlobalRepoGC): string {
  const lines = [...(peerMap ?? [])]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, { peername, keys, error }]) => {
      const name = (peername === '' ? id : peername).padEnd(NAME_WIDTH)
      const title = error === '' ? name : `${name} | ERROR: ${error}`
      const removed = (keys ?? []).map((entry) => {
        return `    - ${entry.error === '' ? (entry.key?.toString() ?? 'b') : `ERROR: ${entry.error}`}`
      })
      return [title, '  > CIDs:', ...removed]
    })
  return lines.map((line) => `${line}\n`).join('')
}
