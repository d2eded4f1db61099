/** What the text of a parameter is. */
export type RestParameterType = 'text' | 'flag' | 'number' | 'duration' | 'time' | 'list'

/** One parameter of the query of a route. */
export interface RestParameter {
  /** A name that ends in `<key>` stands for all names that begin so. */
  readonly name: string
  readonly type: RestParameterType
  readonly about: string
  readonly required?: true
}

/** Asks one peer only. */
export const localParameter: RestParameter = {
  name: 'local',
  type: 'flag',
  about: 'Ask this peer only, not the whole cluster.'
}

/** Which part of a listing is wanted. @see http-apis.md §9, wish 4 */
export const listingParameters: readonly RestParameter[] = Object.freeze([
  { name: 'name', type: 'text', about: 'Only pins with exactly this name.' },
  { name: 'meta-<key>', type: 'text', about: 'Only pins whose metadata have exactly this value under the key.' },
  { name: 'after', type: 'text', about: 'Only what comes after this CID: the last one of the page before.' },
  { name: 'limit', type: 'number', about: 'At most so many items.' }
])

/** @see http-apis.md §3.13 */
export const pinParameters: readonly RestParameter[] = Object.freeze([
  { name: 'name', type: 'text', about: 'Name of the pin.' },
  { name: 'mode', type: 'text', about: 'recursive (default) or direct.' },
  { name: 'replication-min', type: 'number', about: 'Fewest copies; -1 is everywhere, 0 the default of the cluster.' },
  { name: 'replication-max', type: 'number', about: 'Most copies; -1 is everywhere, 0 the default of the cluster.' },
  { name: 'replication', type: 'number', about: 'Both of them.' },
  { name: 'shard-size', type: 'number', about: 'Bytes of a shard, for sharded adding.' },
  { name: 'user-allocations', type: 'list', about: 'Peers that are preferred.' },
  { name: 'expire-at', type: 'time', about: 'When the pin ends.' },
  { name: 'expire-in', type: 'duration', about: 'In what time the pin ends.' },
  { name: 'pin-update', type: 'text', about: 'CID of the pin whose content this one resembles.' },
  { name: 'origins', type: 'list', about: 'Multiaddresses of peers that have the content.' },
  { name: 'meta-<key>', type: 'text', about: 'Metadata of the pin.' }
])

/** @see http-apis.md §9, wish 7 */
export const waitParameter: RestParameter = {
  name: 'wait',
  type: 'duration',
  about: 'Wait so long until it is done at all peers, and answer the status: with 202 when it is not done by then.'
}

/** @see http-apis.md §3.16 */
export const addParameters: readonly RestParameter[] = Object.freeze([
  ...pinParameters,
  { name: 'layout', type: 'text', about: 'balanced (default) or trickle.' },
  { name: 'chunker', type: 'text', about: 'size-262144 (default), size-<n>, rabin-<min>-<avg>-<max> or buzhash.' },
  { name: 'hash', type: 'text', about: 'Hash function; sha2-256 by default.' },
  { name: 'format', type: 'text', about: 'unixfs (default) or car.' },
  { name: 'local', type: 'flag', about: 'Put the blocks on this peer only.' },
  { name: 'wrap-with-directory', type: 'flag', about: 'Put everything into one folder.' },
  { name: 'shard', type: 'flag', about: 'Split the content among peers.' },
  { name: 'progress', type: 'flag', about: 'Tell how far it is.' },
  { name: 'cid-version', type: 'number', about: '0 (default) or 1.' },
  { name: 'raw-leaves', type: 'flag', about: 'Leaves are raw blocks.' },
  { name: 'stream-channels', type: 'flag', about: 'Lines as they come (default), or one list at the end.' },
  { name: 'nocopy', type: 'flag', about: 'The daemon refers to files in place of copying them.' },
  { name: 'no-pin', type: 'flag', about: 'Add the blocks only.' }
])
