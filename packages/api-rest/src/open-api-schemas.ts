import { PIN_FAILURES } from '@cluster/api'

/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
export type Schema = Readonly<Record<string, unknown>>

const text: Schema = { type: 'string' }
const whole: Schema = { type: 'integer' }
const flag: Schema = { type: 'boolean' }
const time: Schema = { type: 'string', format: 'date-time' }
const cid: Schema = { type: 'string', examples: ['QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'] }
const textOrNull: Schema = { type: ['string', 'null'] }
const texts: Schema = { type: ['array', 'null'], items: text }
const textMap: Schema = { type: ['object', 'null'], additionalProperties: text }
const counts: Schema = { type: 'object', additionalProperties: whole }

/** An object that always has all of these keys, but for the optional ones. */
function record(properties: Readonly<Record<string, Schema>>, ...optional: readonly string[]): Schema {
  const required = Object.keys(properties).filter((key) => !optional.includes(key))
  return { type: 'object', properties, required }
}

const statusEntry = record(
  {
    peername: text,
    ipfs_peer_id: text,
    ipfs_peer_addresses: texts,
    status: text,
    timestamp: time,
    error: text,
    attempt_count: whole,
    priority_pin: flag,
    reason: { type: 'string', enum: PIN_FAILURES, description: 'why it failed, for programs' },
    retry_at: { ...time, description: 'when it is tried again by itself' }
  },
  'ipfs_peer_id',
  'ipfs_peer_addresses',
  'reason',
  'retry_at'
)

/**
 * The values of the API by name.
 *
 * @see http-apis.md §2
 */
export const schemas = {
  Error: record({ code: whole, message: text }),
  Version: record({ version: text }),
  Token: record({ token: text }),
  Pin: record({
    replication_factor_min: whole,
    replication_factor_max: whole,
    name: text,
    mode: { type: 'string', enum: ['recursive', 'direct'] },
    shard_size: whole,
    user_allocations: texts,
    expire_at: time,
    metadata: textMap,
    pin_update: textOrNull,
    origins: texts,
    cid,
    type: text,
    allocations: texts,
    max_depth: whole,
    reference: textOrNull,
    timestamp: time
  }),
  GlobalPinInfo: record({
    cid,
    name: text,
    allocations: texts,
    origins: texts,
    created: time,
    metadata: textMap,
    peer_map: { type: ['object', 'null'], additionalProperties: statusEntry }
  }),
  ID: record({
    id: text,
    addresses: texts,
    cluster_peers: texts,
    cluster_peers_addresses: texts,
    version: text,
    commit: text,
    rpc_protocol_version: text,
    error: text,
    ipfs: record({ id: text, addresses: texts, error: text }, 'id'),
    peername: text
  }),
  AddedOutput: record(
    { name: text, cid, bytes: whole, size: whole, allocations: texts },
    'cid',
    'bytes',
    'size',
    'allocations'
  ),
  PinCounts: record({ pins: whole, statuses: counts, peers: { type: 'object', additionalProperties: counts } })
} as const satisfies Record<string, Schema>
