import { CID } from 'multiformats/cid'
import { ClusterError } from '../errors.ts'

/** A content path that is well formed. */
export interface ContentPath {
  /** With the namespace in front, without empty parts. */
  readonly text: string
  readonly namespace: 'ipfs' | 'ipld' | 'ipns'
  /** What it starts from; `undefined` for a name. */
  readonly root: CID | undefined
  /** The names below the root. */
  readonly names: readonly string[]
}

/**
 * Reads `/ipfs/<cid>/…`, `/ipld/<cid>/…` or `/ipns/<name>/…`; what is none of them is tried with `/ipfs/` in front.
 *
 * @throws {ClusterError} `BAD_REQUEST` that repeats the path and says what is wrong with it
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
function read(given: string): ContentPath | string {
  const segments = given.split('/').filter((segment) => segment !== '' && segment !== '.')
  const [namespace, first, ...names] = segments
  if (!given.startsWith('/') || namespace === undefined || first === undefined) {
    return 'path does not have enough components'
  }
  const text = `/${segments.join('/')}`
  if (namespace === 'ipns') return { text, namespace, root: undefined, names }
  if (namespace !== 'ipfs' && namespace !== 'ipld') return `unknown namespace: ${JSON.stringify(namespace)}`
  try {
    return { text, namespace, root: CID.parse(first), names }
  } catch (error) {
    return `invalid cid: ${error instanceof Error ? error.message : String(error)}`
  }
}
