import {
  addParameters,
  listingParameters,
  localParameter,
  pinParameters,
  waitParameter,
  type RestParameter
} from './rest-parameters.ts'
import type { RestRoute } from './rest-route.ts'

/** What the parameter `{keyType}` may be. */
export const REST_KEY_TYPES: readonly string[] = Object.freeze(['ipfs', 'ipns', 'ipld'])

const dryRunParameter: RestParameter = { name: 'dry-run', type: 'flag', about: 'Only say what would be done.' }

/**
 * The routes of the REST API in the order in which they are matched. `Add` answers with one JSON list when
 * `stream-channels=false`.
 *
 * @see http-apis.md §3.1
 */
export const restRoutes = Object.freeze([
  { name: 'ID', method: 'GET', path: '/id', answer: 'json', right: 'read', about: 'Who this peer is.', value: 'ID' },
  {
    name: 'Version',
    method: 'GET',
    path: '/version',
    answer: 'json',
    right: 'read',
    about: 'Version of this peer.',
    value: 'Version'
  },
  {
    name: 'Peers',
    method: 'GET',
    path: '/peers',
    answer: 'stream',
    right: 'read',
    about: 'The peers of the cluster.',
    value: 'ID'
  },
  {
    name: 'PeerAdd',
    method: 'POST',
    path: '/peers',
    answer: 'json',
    right: 'admin',
    about: 'Adds a peer: {"peer_id":"…"}.',
    value: 'ID'
  },
  {
    name: 'PeerRemove',
    method: 'DELETE',
    path: '/peers/{peer}',
    answer: 'empty',
    right: 'admin',
    about: 'Removes a peer from the cluster.'
  },
  {
    name: 'Add',
    method: 'POST',
    path: '/add',
    answer: 'stream',
    right: 'add',
    about: 'Adds files, sent as multipart/form-data, and pins them.',
    value: 'AddedOutput',
    query: addParameters
  },
  {
    name: 'Allocations',
    method: 'GET',
    path: '/allocations',
    answer: 'stream',
    right: 'read',
    about: 'The pinset.',
    value: 'Pin',
    query: [
      { name: 'filter', type: 'list', about: 'Types of pins: pin, meta-pin, clusterdag-pin, shard-pin, all.' },
      ...listingParameters
    ]
  },
  {
    name: 'Allocation',
    method: 'GET',
    path: '/allocations/{hash}',
    answer: 'json',
    right: 'read',
    about: 'One pin of the pinset.',
    value: 'Pin'
  },
  {
    name: 'StatusAll',
    method: 'GET',
    path: '/pins',
    answer: 'stream',
    right: 'read',
    about: 'Statuses of all pins at all peers.',
    value: 'GlobalPinInfo',
    query: [
      { name: 'filter', type: 'list', about: 'Only these statuses.' },
      { name: 'cids', type: 'list', about: 'Only these CIDs; other filters are ignored.' },
      localParameter,
      ...listingParameters
    ]
  },
  {
    name: 'Recover',
    method: 'POST',
    path: '/pins/{hash}/recover',
    answer: 'json',
    right: 'pin',
    about: 'Tries again what failed for one pin.',
    value: 'GlobalPinInfo',
    query: [localParameter]
  },
  {
    name: 'RecoverAll',
    method: 'POST',
    path: '/pins/recover',
    answer: 'stream',
    right: 'admin',
    about: 'Tries again what failed.',
    value: 'GlobalPinInfo',
    query: [localParameter]
  },
  {
    name: 'Status',
    method: 'GET',
    path: '/pins/{hash}',
    answer: 'json',
    right: 'read',
    about: 'Status of one pin at its peers.',
    value: 'GlobalPinInfo',
    query: [localParameter]
  },
  {
    name: 'Pin',
    method: 'POST',
    path: '/pins/{hash}',
    answer: 'json',
    right: 'pin',
    about: 'Pins a CID.',
    value: 'Pin',
    query: [...pinParameters, waitParameter]
  },
  {
    name: 'PinPath',
    method: 'POST',
    path: '/pins/{keyType}/{path}',
    answer: 'json',
    right: 'pin',
    about: 'Pins what a path leads to.',
    value: 'Pin',
    query: [...pinParameters, waitParameter]
  },
  {
    name: 'Unpin',
    method: 'DELETE',
    path: '/pins/{hash}',
    answer: 'json',
    right: 'unpin-own',
    about: 'Unpins a CID.',
    value: 'Pin',
    query: [waitParameter]
  },
  {
    name: 'UnpinPath',
    method: 'DELETE',
    path: '/pins/{keyType}/{path}',
    answer: 'json',
    right: 'unpin-own',
    about: 'Unpins what a path leads to.',
    value: 'Pin',
    query: [waitParameter]
  },
  {
    name: 'RepoGC',
    method: 'POST',
    path: '/ipfs/gc',
    answer: 'json',
    right: 'admin',
    about: 'Collects garbage at the IPFS daemons.',
    query: [localParameter]
  },
  {
    name: 'ConnectionGraph',
    method: 'GET',
    path: '/health/graph',
    answer: 'json',
    right: 'read',
    about: 'Which peers are connected to which.'
  },
  {
    name: 'ConsensusHealth',
    method: 'GET',
    path: '/health/consensus',
    answer: 'json',
    right: 'read',
    about: 'Where the consensus stands.'
  },
  {
    name: 'Alerts',
    method: 'GET',
    path: '/health/alerts',
    answer: 'json',
    right: 'read',
    about: 'Metrics that were not renewed in time, latest first.'
  },
  {
    name: 'Bandwidth by protocol stats',
    method: 'GET',
    path: '/health/bandwidth',
    answer: 'json',
    right: 'read',
    about: 'Bytes by protocol.'
  },
  {
    name: 'PinCounts',
    method: 'GET',
    path: '/health/pins',
    answer: 'json',
    right: 'read',
    about: 'How many pins there are in which status. Reads the whole listing.',
    value: 'PinCounts',
    query: [localParameter]
  }, // ours
  {
    name: 'Metrics',
    method: 'GET',
    path: '/monitor/metrics/{name}',
    answer: 'json',
    right: 'read',
    about: 'The last metrics of a name.'
  },
  {
    name: 'MetricNames',
    method: 'GET',
    path: '/monitor/metrics',
    answer: 'json',
    right: 'read',
    about: 'Names of metrics.'
  },
  {
    name: 'Events',
    method: 'GET',
    path: '/events',
    answer: 'events',
    right: 'read',
    about: 'What happens at this peer, as server-sent events. Send Last-Event-ID to go on where you were.',
    query: [
      {
        name: 'types',
        type: 'list',
        about: 'Only these: pinset, status, peer, alert, ready, expired. Lost events are always told.'
      },
      { name: 'last-event-id', type: 'text', about: 'In place of the header, for clients that cannot set it.' }
    ]
  }, // ours
  // Ours: the reference knows nothing below /repair.
  {
    name: 'Services',
    method: 'GET',
    path: '/repair/services',
    answer: 'stream',
    right: 'read',
    about: 'What was decided about peers.'
  },
  {
    name: 'SetService',
    method: 'POST',
    path: '/repair/services/{peer}',
    answer: 'json',
    right: 'admin',
    about: 'Decides about a peer.',
    query: [{ name: 'state', type: 'text', about: 'active, cordoned or draining.', required: true }]
  },
  {
    name: 'Repair',
    method: 'POST',
    path: '/repair/run',
    answer: 'stream',
    right: 'admin',
    about: 'One round of repair over all pins: the moves.',
    query: [dryRunParameter]
  },
  {
    name: 'Drain',
    method: 'POST',
    path: '/repair/drain/{peer}',
    answer: 'stream',
    right: 'admin',
    about: 'Moves all pins away from a peer.',
    query: [dryRunParameter]
  },
  {
    name: 'Replace',
    method: 'POST',
    path: '/repair/replace/{peer}',
    answer: 'stream',
    right: 'admin',
    about: 'Moves all pins of a peer to another.',
    query: [{ name: 'by', type: 'text', about: 'The other peer.', required: true }, dryRunParameter]
  },
  {
    name: 'Rebalance',
    method: 'POST',
    path: '/repair/rebalance',
    answer: 'stream',
    right: 'admin',
    about: 'Evens out what the peers hold.',
    query: [dryRunParameter]
  },
  {
    name: 'Explain',
    method: 'GET',
    path: '/repair/explain',
    answer: 'json',
    right: 'read',
    about: 'Which peers would hold a pin with these options, and why.',
    query: pinParameters
  },
  {
    name: 'ExplainPin',
    method: 'GET',
    path: '/repair/explain/{hash}',
    answer: 'json',
    right: 'read',
    about: 'Which peers would hold this pin, and why.',
    query: pinParameters
  },
  {
    name: 'GetToken',
    method: 'POST',
    path: '/token',
    answer: 'json',
    right: 'none',
    about: 'A token in place of user and password.',
    value: 'Token',
    query: [
      { name: 'expires-in', type: 'duration', about: 'The token ends then.' },
      { name: 'rights', type: 'list', about: 'The token allows no more than this: read, add, pin, unpin-own, admin.' }
    ]
  },
  {
    name: 'RevokeToken',
    method: 'POST',
    path: '/token/revoke',
    answer: 'empty',
    right: 'none',
    about: 'Takes back a token: {"token":"…"}, or without a body the one that is shown.'
  }, // ours
  // Ours as well: the description of all this, for programs and for people.
  {
    name: 'OpenApi',
    method: 'GET',
    path: '/openapi.json',
    answer: 'json',
    right: 'none',
    about: 'This description of the API.'
  },
  {
    name: 'Docs',
    method: 'GET',
    path: '/docs',
    answer: 'page',
    right: 'none',
    about: 'The description of the API for people.'
  },
  {
    name: 'Health',
    method: 'GET',
    path: '/health',
    answer: 'empty',
    right: 'none',
    about: 'Whether the API answers. Needs no credentials.'
  }
] as const satisfies readonly RestRoute[])

/** The name of a route. */
export type RestRouteName = (typeof restRoutes)[number]['name']
