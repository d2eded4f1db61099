import { ClusterError } from '@cluster/api'
import { CID } from 'multiformats/cid'

/** A content path that is well formed. */
export interface ContentPath {
  readonly text: string
  /** What the path stands for, if that is all in its text. */
  readonly cid: CID | undefined
}

/**
 * Reads `/ipfs/<cid>/…`, `/ipld/<cid>/…` or `/ipns/<name>/…`; what is none of them is tried with `/ipfs/` in front.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 * @see behaviours.md §5.9
 */
export function parseContentPath(text: string): ContentPath {
  const direct = read(text)
  if (typeof direct !== 'string') return direct
  const prefixed = `/ipfs/${text}`
  const second = read(prefixed)
  if (typeof second !== 'string') return second
  throw new ClusterError('BAD_REQUEST', `invalid path ${JSON.stringify(prefixed)}: ${second}`)
}

/** The path, or why it is none. */
function read(text: string): ContentPath | string {
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.')
  const [namespace, root, ...names] = segments
  if (!text.startsWith('/') || namespace === undefined || root === undefined) {
    return 'path does not have enough components'
  }
  const clean = `/${segments.join('/')}`
  if (namespace === 'ipns') return { text: clean, cid: undefined }
  if (namespace !== 'ipfs' && namespace !== 'ipld') return `unknown namespace: ${JSON.stringify(namespace)}`
  try {
    const cid = CID.parse(root)
    return { text: clean, cid: names.length === 0 ? cid : undefined }
  } catch (error) {
    return `invalid cid: ${error instanceof Error ? error.message : String(error)}`
  }
}
