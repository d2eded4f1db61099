import { ClusterError, type ConfigSection, type OptionDoc } from '@cluster/api'
import { MAX_COMPOSED_BYTES } from '../wire/constants.ts'

/** The section `exchange.bitswap` of `service.json`. */
export interface BitswapConfig {
  /** Wants that stand at one peer. */
  readonly clientWantsPerPeer: number
  /** Bytes asked for and not yet here, of all peers. */
  readonly clientInFlightBytes: number
  /** Wants remembered of one peer. */
  readonly serverWantsPerPeer: number
  /** Work of a message with answers, in bytes. */
  readonly serverMessageBytes: number
  /** Goes before all protocol names. */
  readonly protocolPrefix: string
}

interface NumberOption {
  readonly key: string
  readonly field: 'clientWantsPerPeer' | 'clientInFlightBytes' | 'serverWantsPerPeer' | 'serverMessageBytes'
  readonly initial: number
  readonly max: number
  readonly description: string
}

const SECTION = 'exchange.bitswap'
const ENV = 'CLUSTER_BITSWAP'
const MAX_BYTES = 1024 * 1024 * 1024
const MAX_WANTS = 262_144
const PREFIX = { key: 'protocol_prefix', description: 'text before all protocol names; peers must agree on it' }

const numberOptions: readonly NumberOption[] = [
  {
    key: 'client_wants_per_peer',
    field: 'clientWantsPerPeer',
    initial: 960,
    max: 1024,
    description: 'blocks asked of one peer at once; servers remember 1024'
  },
  {
    key: 'client_in_flight_bytes',
    field: 'clientInFlightBytes',
    initial: 64 * 1024 * 1024,
    max: MAX_BYTES,
    description: 'bytes of blocks asked of all peers at once'
  },
  {
    key: 'server_wants_per_peer',
    field: 'serverWantsPerPeer',
    initial: 16_384,
    max: MAX_WANTS,
    description: 'wants remembered of one peer'
  },
  {
    key: 'server_message_bytes',
    field: 'serverMessageBytes',
    initial: 65_536,
    max: MAX_COMPOSED_BYTES,
    description: 'bytes after which a message with blocks is full'
  }
]

/** Reads and writes the section. It is ours, not the reference peer's, and may be absent: then all defaults hold. */
export const bitswapConfigSection: ConfigSection<BitswapConfig> = {
  env: ENV,

  load(json, env) {
    const section = json === undefined ? {} : json
    if (typeof section !== 'object' || section === null || Array.isArray(section)) {
      throw new ClusterError('CONFIG_INVALID', `${SECTION}: expected an object`)
    }
    const values: Readonly<Record<string, unknown>> = { ...section }
    const loaded: Record<string, number> = {}
    for (const option of numberOptions) {
      const text = env[envName(option.key)]
      const given = text === undefined || text === '' ? values[option.key] : Number(text)
      loaded[option.field] = checked(option, given ?? option.initial)
    }
    const prefix = env[envName(PREFIX.key)] ?? values[PREFIX.key] ?? ''
    if (typeof prefix !== 'string' || (prefix !== '' && !prefix.startsWith('/'))) {
      throw new ClusterError('CONFIG_INVALID', `${SECTION}.${PREFIX.key}: expected text that begins with "/", or none`)
    }
    return { ...defaults(), ...loaded, protocolPrefix: prefix }
  },

  save(config) {
    const section: Record<string, number | string> = {}
    for (const { key, field } of numberOptions) section[key] = config[field]
    return { ...section, [PREFIX.key]: config.protocolPrefix }
  },

  describe() {
    const docs: OptionDoc[] = numberOptions.map(({ key, initial, description }) => ({
      key,
      env: envName(key),
      type: 'integer',
      description,
      default: String(initial)
    }))
    const { key, description } = PREFIX
    return [...docs, { key, env: envName(key), type: 'string', description, default: '""' }]
  }
}

function defaults(): BitswapConfig {
  return {
    clientWantsPerPeer: 960,
    clientInFlightBytes: 64 * 1024 * 1024,
    serverWantsPerPeer: 16_384,
    serverMessageBytes: 65_536,
    protocolPrefix: ''
  }
}

/** `CLUSTER_BITSWAP_CLIENTWANTSPERPEER` for `client_wants_per_peer`, as all sections name theirs. */
function envName(key: string): string {
  return `${ENV}_${key.replaceAll('_', '').toUpperCase()}`
}

function checked({ key, max }: NumberOption, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max) return value
  const shown = typeof value === 'number' || typeof value === 'string' ? String(value) : typeof value
  throw new ClusterError('CONFIG_INVALID', `${SECTION}.${key}: expected a whole number from 1 to ${max}, not ${shown}`)
}
