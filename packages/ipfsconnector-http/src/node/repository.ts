import type { IPFSRepoGC, IPFSRepoStat } from '@cluster/api'
import { gcLine, parseCid, readValue, repoStatAnswer } from '../daemon/answers.ts'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/** How many bytes the daemon's repository has, and may have. */
export async function repoStat(calls: TimedCalls, options: TimedOptions): Promise<IPFSRepoStat> {
  const { RepoSize: size, StorageMax: max } = await calls.json('repo/stat?size-only=true', repoStatAnswer, options)
  return { repoSize: BigInt(size), storageMax: BigInt(max) }
}

/** Collects garbage; the errors of single blocks are among what it gives. */
export async function* repoGC(calls: TimedCalls, options: TimedOptions): AsyncGenerator<IPFSRepoGC> {
  const call = 'repo/gc?stream-errors=true'
  for await (const lines of calls.lines(call, options)) {
    for (const line of lines) {
      const { Key: key, Error: error } = readValue(call, line, gcLine)
      yield { key: key == null ? undefined : parseCid(key['/']), error: error ?? '' }
    }
  }
}
