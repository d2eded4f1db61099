import { ClusterError, parseContentPath } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { escapeQuery, parseCid, resolveAnswer } from '../daemon/answers.ts'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/**
 * The CID that a path leads to. One of a CID alone is not asked for.
 *
 * @throws {ClusterError} `BAD_REQUEST` for what is no path, `IPFS` for one that leads nowhere
 * @see behaviours.md §5.9
 */
export async function resolvePath(path: string, calls: TimedCalls, options: TimedOptions): Promise<CID> {
  const { text, root: cid, names } = parseContentPath(path)
  if (cid !== undefined && names.length === 0) return cid
  const call = `resolve?arg=${escapeQuery(text)}`
  const { Path: found } = await calls.json(call, resolveAnswer, { ...options, isLong: true, isOthersTime: true })
  const [, root] = /^\/ip(?:fs|ld)\/([^/]+)/.exec(found) ?? []
  if (root === undefined) throw new ClusterError('IPFS', `${text} resolves to ${found}, which may change`)
  return parseCid(root)
}
