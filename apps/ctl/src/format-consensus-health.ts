import { formatTimestamp, type ConsensusHealth } from '@cluster/api'

/** Where a consensus stands: one line that says it, and what it rests on below. */
export function formatConsensusHealth(health: ConsensusHealth): string {
  const { heads, headCount, missing, missingCount, lastError, lastErrorAt } = health
  const name = health.consensus === '' ? 'consensus' : health.consensus
  const lines = [`${name} | ${health.state.toUpperCase()} | ${health.reason}`]
  lines.push(`  > Heads: ${headCount.toString()} | Height: ${health.maxHeight.toString()}`)
  for (const { cid, height } of heads) lines.push(`    - ${cid.toString()} | Height: ${height.toString()}`)
  if (headCount > heads.length) lines.push(`    - and ${(headCount - heads.length).toString()} more`)
  const queue = [health.queuedBlocks, health.fetchingBlocks, missingCount].map(String)
  lines.push(`  > Blocks queued: ${queue[0] ?? ''} | On their way: ${queue[1] ?? ''} | Missing: ${queue[2] ?? ''}`)
  for (const { cid, attempts, error } of missing) {
    lines.push(`    - ${cid.toString()} | Attempts: ${attempts.toString()} | ${error}`)
  }
  if (missingCount > missing.length) lines.push(`    - and ${(missingCount - missing.length).toString()} more`)
  if (health.syncKnown > 0) {
    const kind = health.firstSync ? 'First sync' : 'Sync'
    lines.push(`  > ${kind}: ${health.syncDone.toString()} of ${health.syncKnown.toString()} known blocks`)
  }
  lines.push(`  > Waiting operations: ${health.waitingOperations.toString()}`)
  lines.push(`  > Merged: ${health.mergedBlocks.toString()} | Refused: ${health.rejectedBlocks.toString()}`)
  lines.push(`  > Marked for repair: ${health.dirty ? 'yes' : 'no'}`)
  if (lastError !== '') lines.push(`  > Last error: ${formatTimestamp(lastErrorAt)} ${lastError}`)
  return lines.map((line) => `${line}\n`).join('')
}
