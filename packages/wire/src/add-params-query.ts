import { ClusterError, DEFAULT_ADD_PARAMS, PinMode, type AddParams, type Timestamp } from '@cluster/api'
import { pinOptionsFromQuery, pinOptionsParameters } from './pin-options-query.ts'
import { booleanParameter, formatQuery, integerParameter } from './query.ts'

/**
 * Parameters of an add as the query of a REST request: all of them, always. The balanced layout is Go's empty one;
 * `pin-update` has no meaning here.
 *
 * @see wire-host-rpc.md §4.5
 */
export function addParamsToQuery(params: AddParams): string {
  return formatQuery([
    ...pinOptionsParameters({ ...params, pinUpdate: undefined }),
    ['shard', String(params.shard)],
    ['local', String(params.local)],
    ['recursive', String(params.recursive)],
    ['layout', params.layout === 'balanced' ? '' : params.layout],
    ['chunker', params.chunker],
    ['raw-leaves', String(params.rawLeaves)],
    ['hidden', String(params.hidden)],
    ['wrap-with-directory', String(params.wrapWithDirectory)],
    ['progress', String(params.progress)],
    ['cid-version', params.cidVersion.toString()],
    ['hash', params.hash],
    ['stream-channels', String(params.streamChannels)],
    ['nocopy', String(params.noCopy)],
    ['format', params.format],
    ['no-pin', String(params.noPin)]
  ])
}

/**
 * Reads the parameters of an add from a query, in the order of the specification: the first wrong one is the error.
 * The mode is always recursive. Without `shard-size` the default applies, where the Go peer takes 0 and fails.
 *
 * @param now what `expire-in` counts from
 * @throws ClusterError `BAD_REQUEST` with the text of the Go peer
 * @see http-apis.md §3.16, §8.1
 */
export function addParamsFromQuery(query: ReadonlyMap<string, string>, now: Timestamp): AddParams {
  const options = pinOptionsFromQuery(query, now)
  const shardSize = (query.get('shard-size') ?? '') === '' ? DEFAULT_ADD_PARAMS.shardSize : options.shardSize
  const layout = choice(query, 'layout', ['balanced', 'trickle'])
  const format = choice(query, 'format', ['unixfs', 'car'])
  const bool = (name: string, absent = false): boolean => booleanParameter(query, name, absent)
  const local = bool('local')
  const recursive = bool('recursive')
  const hidden = bool('hidden')
  // The second names are those that @nftstorage/ipfs-cluster sends. The Go peer does not look at them, so they count only
  // together with what that client always sends.
  const also = (name: string): boolean => query.has('stream-channels') && bool(name)
  const wrapWithDirectory = bool('wrap-with-directory', also('wrap'))
  const shard = bool('shard')
  const progress = bool('progress')
  const cidVersion = integerParameter(query, 'cid-version', 0)
  return {
    ...options,
    shardSize,
    mode: PinMode.recursive,
    pinUpdate: undefined,
    layout,
    chunker: text(query, 'chunker', DEFAULT_ADD_PARAMS.chunker),
    hash: text(query, 'hash', DEFAULT_ADD_PARAMS.hash),
    format,
    local,
    recursive,
    hidden,
    wrapWithDirectory,
    shard,
    progress,
    cidVersion,
    rawLeaves: bool('raw-leaves', cidVersion > 0),
    streamChannels: bool('stream-channels', true),
    noCopy: bool('nocopy', also('no-copy')),
    noPin: bool('no-pin')
  }
}

/** One of the given texts; the empty text is the first. */
function choice<T extends string>(query: ReadonlyMap<string, string>, name: string, choices: readonly [T, ...T[]]): T {
  const given = query.get(name) ?? ''
  if (given === '') return choices[0]
  const found = choices.find((one) => one === given)
  if (found === undefined) throw new ClusterError('BAD_REQUEST', `${name} parameter is invalid`)
  return found
}

function text(query: ReadonlyMap<string, string>, name: string, absent: string): string {
  const given = query.get(name) ?? ''
  return given === '' ? absent : given
}
