import { ClusterError, type GlobalRepoGC } from '@cluster/api'
import { goJson, ndjsonResponse } from '@cluster/http'
import { answer, failureBody, textOf, throwAll, type HijackHandler } from './call.ts'

/** Lines of a page of collected keys. */
const PAGE_LINES = 512

/** @see http-apis.md §5.10, §5.11 */
export const repoHandlers = {
  /** Over all peers. The number of objects is not known; clients want the key nevertheless. */
  RepoStat: async ({ cluster, signal, env }) => {
    if (cluster.content.repoStat === undefined) {
      throw new ClusterError('NOT_SUPPORTED', 'this peer does not know the size of the repositories')
    }
    const { repoSize, storageMax } = await cluster.content.repoStat({ signal })
    answer(env, goJson({ RepoSize: repoSize, StorageMax: storageMax, NumObjects: 0, RepoPath: '', Version: '' }))
  },

  RepoGc: async (call) => {
    const { cluster, signal, env, query, log } = call
    const collected = await cluster.content.repoGC({ signal })
    await ndjsonResponse(env, linesOf(collected, query.get('stream-errors') === 'true'), {
      stringify: String,
      emptyStatus: 200,
      trailerOnSuccess: false,
      trailerWhenEmpty: true,
      failure: (error) => {
        log.error(`repo/gc: ${textOf(error)}`)
        return { status: 500, body: failureBody(textOf(error)) }
      }
    })
  }
} as const satisfies Record<string, HijackHandler>

/**
 * A line for each key and each failure. The texts of failures stand in the lines where that is asked for, else they are
 * told together at the end. Peers that failed are told of like keys; the reference is silent about them.
 */
async function* linesOf(
  { peerMap }: GlobalRepoGC,
  areErrorsInLines: boolean
): AsyncGenerator<readonly string[], void, undefined> {
  const failures: string[] = []
  let page: string[] = []
  for (const { peer, keys, error } of peerMap?.values() ?? []) {
    for (const entry of [
      ...(error === '' ? [] : [{ key: undefined, error: `${peer.toString()}: ${error}` }]),
      ...(keys ?? [])
    ]) {
      if (entry.error === '') page.push(goJson({ Key: entry.key === undefined ? null : { '/': entry.key.toString() } }))
      else if (areErrorsInLines) page.push(goJson({ Key: null, Error: entry.error }))
      else {
        failures.push(entry.error)
        page.push(goJson({ Key: null }))
      }
      if (page.length < PAGE_LINES) continue
      yield page
      page = []
    }
  }
  yield await Promise.resolve(page)
  throwAll(failures)
}
