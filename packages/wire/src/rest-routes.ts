/** How a route answers when it succeeds. */
export type RestAnswer =
  /** One JSON value with status 200. */
  | 'json'
  /** Newline-delimited JSON with status 200, errors in the trailer `X-Stream-Error`; 204 when there is no item. */
  | 'stream'
  /** Status 204 without a body. */
  | 'empty'

/** One route of the REST API. */
export interface RestRoute {
  /** The name, as logs and metrics give it. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Parts in braces are parameters; `{path}` takes the rest of the path with its slashes and may be empty. */
  readonly path: string
  readonly answer: RestAnswer
}

/** What the parameter `{keyType}` may be. */
export const REST_KEY_TYPES: readonly string[] = Object.freeze(['ipfs', 'ipns', 'ipld'])

/**
 * The routes of the REST API in the order in which they are matched. `Add` answers with one JSON list when
 * `stream-channels=false`.
 *
 * @see http-apis.md §3.1
 */
export const restRoutes = Object.freeze([
  { name: 'ID', method: 'GET', path: '/id', answer: 'json' },
  { name: 'Version', method: 'GET', path: '/version', answer: 'json' },
  { name: 'Peers', method: 'GET', path: '/peers', answer: 'stream' },
  { name: 'PeerAdd', method: 'POST', path: '/peers', answer: 'json' },
  { name: 'PeerRemove', method: 'DELETE', path: '/peers/{peer}', answer: 'empty' },
  { name: 'Add', method: 'POST', path: '/add', answer: 'stream' },
  { name: 'Allocations', method: 'GET', path: '/allocations', answer: 'stream' },
  { name: 'Allocation', method: 'GET', path: '/allocations/{hash}', answer: 'json' },
  { name: 'StatusAll', method: 'GET', path: '/pins', answer: 'stream' },
  { name: 'Recover', method: 'POST', path: '/pins/{hash}/recover', answer: 'json' },
  { name: 'RecoverAll', method: 'POST', path: '/pins/recover', answer: 'stream' },
  { name: 'Status', method: 'GET', path: '/pins/{hash}', answer: 'json' },
  { name: 'Pin', method: 'POST', path: '/pins/{hash}', answer: 'json' },
  { name: 'PinPath', method: 'POST', path: '/pins/{keyType}/{path}', answer: 'json' },
  { name: 'Unpin', method: 'DELETE', path: '/pins/{hash}', answer: 'json' },
  { name: 'UnpinPath', method: 'DELETE', path: '/pins/{keyType}/{path}', answer: 'json' },
  { name: 'RepoGC', method: 'POST', path: '/ipfs/gc', answer: 'json' },
  { name: 'ConnectionGraph', method: 'GET', path: '/health/graph', answer: 'json' },
  { name: 'ConsensusHealth', method: 'GET', path: '/health/consensus', answer: 'json' },
  { name: 'Alerts', method: 'GET', path: '/health/alerts', answer: 'json' },
  { name: 'Bandwidth by protocol stats', method: 'GET', path: '/health/bandwidth', answer: 'json' },
  { name: 'PinCounts', method: 'GET', path: '/health/pins', answer: 'json' }, // ours
  { name: 'Metrics', method: 'GET', path: '/monitor/metrics/{name}', answer: 'json' },
  { name: 'MetricNames', method: 'GET', path: '/monitor/metrics', answer: 'json' },
  // Ours: the reference knows nothing below /repair.
  { name: 'Services', method: 'GET', path: '/repair/services', answer: 'stream' },
  { name: 'SetService', method: 'POST', path: '/repair/services/{peer}', answer: 'json' },
  { name: 'Repair', method: 'POST', path: '/repair/run', answer: 'stream' },
  { name: 'Drain', method: 'POST', path: '/repair/drain/{peer}', answer: 'stream' },
  { name: 'Replace', method: 'POST', path: '/repair/replace/{peer}', answer: 'stream' },
  { name: 'Rebalance', method: 'POST', path: '/repair/rebalance', answer: 'stream' },
  { name: 'Explain', method: 'GET', path: '/repair/explain', answer: 'json' },
  { name: 'ExplainPin', method: 'GET', path: '/repair/explain/{hash}', answer: 'json' },
  { name: 'GetToken', method: 'POST', path: '/token', answer: 'json' },
  { name: 'RevokeToken', method: 'POST', path: '/token/revoke', answer: 'empty' }, // ours
  { name: 'Health', method: 'GET', path: '/health', answer: 'empty' }
] as const satisfies readonly RestRoute[])

/** The name of a route. */
export type RestRouteName = (typeof restRoutes)[number]['name']
