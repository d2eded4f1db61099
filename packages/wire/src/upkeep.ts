import {
  MOVE_STATES,
  SERVICE_STATES,
  VERDICTS,
  type ExplainedPeer,
  type Explanation,
  type Move,
  type PeerService
} from '@cluster/api'
import { mapped } from '@cluster/msgpack'
import { at, complete, list, present, record, type Form, type Loose } from './form.ts'
import { metricForm } from './metric.ts'
import { bool, cid, int, peer, string, time } from './scalars.ts'
import { oneOf } from './words.ts'

/** A list that is empty where there is none. */
function items<T>(form: Form<T>): Form<readonly T[]> {
  const { msgpack, json } = list(form)
  return {
    msgpack: mapped(
      msgpack,
      (value) => value ?? [],
      (value) => value
    ),
    json: { ...json, read: (input) => json.read(input) ?? [], zero: () => [] }
  }
}

const peers = items(present('peer ID', peer))

/** What was decided about a peer. Only ours decide; Go has no such type. */
export const peerServiceForm: Form<PeerService> = complete<PeerService>(
  'decision about a peer',
  record<Loose<PeerService>>({
    peer: at(peer, 'peer', 'peer'),
    peername: at(string, 'peername', 'peername'),
    state: at(oneOf(SERVICE_STATES, 'active'), 'state', 'state'),
    since: at(time, 'since', 'since'),
    by: at(peer, 'by', 'by')
  }),
  ['peer', 'by']
)

/** A pin that gets other holders. Go has no such type. */
export const moveForm: Form<Move> = complete<Move>(
  'move',
  record<Loose<Move>>({
    cid: at(cid, 'cid', 'cid'),
    name: at(string, 'name', 'name'),
    add: at(peers, 'add', 'add'),
    drop: at(peers, 'drop', 'drop'),
    state: at(oneOf(MOVE_STATES, 'failed'), 'state', 'state'),
    reason: at(string, 'reason', 'reason'),
    error: at(string, 'error', 'error')
  }),
  ['cid']
)

const explainedPeer = complete<ExplainedPeer>(
  'explained peer',
  record<Loose<ExplainedPeer>>({
    peer: at(peer, 'peer', 'peer'),
    peername: at(string, 'peername', 'peername'),
    verdict: at(oneOf(VERDICTS, 'excluded'), 'verdict', 'verdict'),
    chosen: at(bool, 'chosen', 'chosen'),
    place: at(int, 'place', 'place'),
    reason: at(string, 'reason', 'reason'),
    metrics: at(items(metricForm), 'metrics', 'metrics')
  }),
  ['peer']
)

/** Why peers were, or were not, chosen. Go has no such type. */
export const explanationForm: Form<Explanation> = record<Explanation>({
  cid: at(cid, 'cid', 'cid'),
  replicationFactorMin: at(int, 'replication_factor_min', 'replication_factor_min'),
  replicationFactorMax: at(int, 'replication_factor_max', 'replication_factor_max'),
  current: at(peers, 'current', 'current'),
  allocations: at(peers, 'allocations', 'allocations'),
  error: at(string, 'error', 'error'),
  peers: at(items(explainedPeer), 'peers', 'peers')
})
