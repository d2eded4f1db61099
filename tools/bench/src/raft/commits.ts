import type { Job } from '../job.ts'
import { openCluster } from './cluster.ts'

/** The size of a pin as an operation. */
const COMMAND_BYTES = 165
const RUN_MS = 3000
const BULK = 1024
const CALLERS = [1, 8, 64, 256, 1024] as const

/**
 * Commits of three servers of one process with logs on the disk, at the port of the engine.
 *
 * @see wire-raft.md §6.6
 */
export function commitsWith(extraSyncMs: number): Job {
  return async (say) => {
    const disk = extraSyncMs === 0 ? 'this disk' : `+${extraSyncMs} ms a sync`
    for (const callers of CALLERS) {
      await measure(callers, 1, extraSyncMs, (name, value, unit) => {
        say({ name: `3 servers, ${callers} callers, ${disk}: ${name}`, value, unit })
      })
    }
    await measure(4, BULK, extraSyncMs, (name, value, unit) => {
      say({ name: `3 servers, bulk of ${BULK}, 4 at once, ${disk}: ${name}`, value, unit })
    })
  }
}

async function measure(
  callers: number,
  bulk: number,
  extraSyncMs: number,
  tell: (name: string, value: number, unit: string) => void
): Promise<void> {
  const cluster = await openCluster(3, extraSyncMs)
  const latencies: number[] = []
  const commands = Array.from({ length: bulk }, () => new Uint8Array(COMMAND_BYTES))
  const cpu = process.cpuUsage()
  const began = performance.now()
  const call = async (): Promise<void> => {
    while (performance.now() - began < RUN_MS) {
      const at = performance.now()
      await cluster.leader.propose(commands)
      latencies.push(performance.now() - at)
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const done = latencies.length * bulk
  latencies.sort((a, b) => a - b)
  tell('commits', done / seconds, '/s')
  tell('median', latencies[Math.floor(latencies.length / 2)] ?? 0, 'ms')
  tell('99 of 100', latencies[Math.floor(latencies.length * 0.99)] ?? 0, 'ms')
  tell('CPU a commit, all servers', (user + system) / done, 'µs')
  tell('syncs a commit, all servers', cluster.syncs() / done, '')
  tell('elections', cluster.elections(), '')
  const { lastIndex } = cluster.leader.state
  const seen = performance.now()
  await Promise.all(cluster.followers.map((one) => one.until(({ appliedIndex }) => appliedIndex >= lastIndex)))
  tell('then seen by all after', performance.now() - seen, 'ms')
  await cluster.close()
}
