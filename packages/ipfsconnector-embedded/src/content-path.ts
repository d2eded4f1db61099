import { ClusterError } from '@cluster/api'
import { CID } from 'multiformats/cid'

/** A content path: what it starts from and the names below. */
export type ContentPath =
  | { readonly namespace: 'ipfs' | 'ipld'; readonly root: CID; readonly names: readonly string[] }
  | { readonly namespace: 'ipns'; readonly name: string }

/**
 * Reads `/ipfs/<cid>/…`, `/ipld/<cid>/…` or `/ipns/<name>/…`; what is none of them is tried with `/ipfs/` in front.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 * @see behaviours.md §5.9
 */
export function parseContentPath(text: string): ContentPath {
  const direct = tryParse(text)
  if (typeof direct !== 'string') return direct
  const prefixed = `/ipfs/${text}`
  const second = tryParse(prefixed)
  if (typeof second !== 'string') return second
  throw new ClusterError('BAD_REQUEST', `invalid path ${JSON.stringify(prefixed)}: ${second}`)
}

/** The path, or why it is none. */
function tryParse(text: string): ContentPath | string {
  if (!text.startsWith('/')) return 'path does not have enough components'
  const [namespace, first, ...names] = text.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (namespace === undefined || first === undefined) return 'path does not have enough components'
  if (namespace === 'ipns') return { namespace, name: first }
  if (namespace !== 'ipfs' && namespace !== 'ipld') return `unknown namespace: ${JSON.stringify(namespace)}`
  try {
    return { namespace, root: CID.parse(first), names }
  } catch (error) {
    return `invalid cid: ${error instanceof Error ? error.message : String(error)}`
  }
}
