import { ClusterError } from '@cluster/api'
import { duration, flag, formatMultiaddr, integer, parseMultiaddr, section, text, type Section } from '@cluster/config'
import type { Multiaddr } from '@multiformats/multiaddr'
import { daemonAddress } from './daemon/daemon-address.ts'

/** What {@link httpConfig} reads from `ipfs_connector.ipfshttp`. */
export interface HttpConfig {
  /** Where the daemon's HTTP RPC listens. */
  readonly nodeMultiaddress: Multiaddr
  /** From ready to the first connecting of the daemons with each other, in milliseconds; 0 = never. */
  readonly connectSwarmsDelayMs: number
  /** How long the daemon may be silent within a call, in milliseconds; 0 = no limit. */
  readonly ipfsRequestTimeoutMs: number
  /** For a pin without progress, in milliseconds; 0 = no limit. */
  readonly pinTimeoutMs: number
  /** For an unpin, in milliseconds; 0 = no limit. */
  readonly unpinTimeoutMs: number
  /** For a garbage collection, in milliseconds; 0 = no limit. */
  readonly repogcTimeoutMs: number
  /** Pins and adds between two requests for metrics; 0 = none. */
  readonly informerTriggerInterval: number
  readonly unpinDisable: boolean
  /** Whether Kubo is told the names of pins. */
  readonly pinNames: boolean
  /** Value of the header `Authorization`; empty = none. */
  readonly authorization: string
}

const http = section({
  name: 'ipfshttp',
  env: 'CLUSTER_IPFSHTTP',
  options: {
    node_multiaddress: text({
      default: '/ip4/127.0.0.1/tcp/5001',
      load: 'Z',
      description: 'Where the HTTP RPC of the IPFS daemon listens: /ip4, /ip6 or /dns with /tcp (and /https), or /unix'
    }),
    connect_swarms_delay: duration({
      default: 30_000,
      description: 'How long after the start the IPFS daemons of all peers are connected with each other; 0s for never'
    }),
    ipfs_request_timeout: duration({
      default: 300_000,
      description: 'How long the daemon may take for an answer, or be silent within a long one; 0s for no limit'
    }),
    pin_timeout: duration({
      default: 120_000,
      description: 'A pin fails when nothing of it arrives for this long; 0s for no limit'
    }),
    unpin_timeout: duration({ default: 10_800_000, description: 'How long an unpin may take; 0s for no limit' }),
    repogc_timeout: duration({
      default: 86_400_000,
      description: 'How long a garbage collection may take; 0s for no limit'
    }),
    informer_trigger_interval: integer({
      default: 0,
      load: 'Z',
      description: 'Publish metrics again after this many pins and adds; 0 for never'
    }),
    unpin_disable: flag({
      default: false,
      load: 'Z',
      omit: true,
      description: 'Refuse to unpin anything at this peer'
    }),
    pin_names: flag({
      default: false,
      omit: true,
      description: 'Give new pins in Kubo (0.26 or later) the names that they have in the cluster'
    }),
    authorization: text({
      default: '',
      omit: true,
      secret: true,
      description: 'Credentials for the daemon: bearer:<token>, basic:<user>:<password>, or a header value as it is'
    })
  },
  validate: (values) => {
    if (values.informerTriggerInterval < 0) return 'ipfshttp.informer_trigger_interval'
    if (values.repogcTimeoutMs < 0) return 'ipfshttp.repogc_timeout invalid'
    if (values.unpinTimeoutMs < 0) return 'ipfshttp.unpin_timeout invalid'
    if (values.pinTimeoutMs < 0) return 'ipfshttp.pin_timeout invalid'
    if (values.ipfsRequestTimeoutMs < 0) return 'ipfshttp.ipfs_request_timeout invalid'
    if (values.connectSwarmsDelayMs < 0) return 'ipfshttp.connect_swarms_delay is invalid'
    return /^[\x20-\x7e]*$/.test(values.authorization)
      ? undefined
      : 'ipfshttp.authorization is invalid: expected printable ASCII characters'
  }
})

function narrow(values: typeof http.defaults): HttpConfig {
  return { ...values, nodeMultiaddress: nodeAddress(values.nodeMultiaddress) }
}

function nodeAddress(written: string): Multiaddr {
  let address: Multiaddr
  try {
    if (written === '') throw new Error('failed to parse multiaddr "": empty multiaddr')
    address = parseMultiaddr(written)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new ClusterError('CONFIG_INVALID', `error parsing ipfs_node_multiaddress: ${cause}`)
  }
  if (daemonAddress(address) !== undefined) return address
  const wanted = 'expected /ip4, /ip6 or /dns with /tcp, or /unix'
  throw new ClusterError('CONFIG_INVALID', `error parsing ipfs_node_multiaddress: ${written}: ${wanted}`)
}

/**
 * The section `ipfs_connector.ipfshttp`. Present, it must hold `node_multiaddress`. `authorization` and `pin_names` are ours.
 *
 * @see cli-config.md `ipfs_connector.ipfshttp`
 */
export const httpConfig: Section<HttpConfig> = {
  ...http,
  defaults: narrow(http.defaults),
  load: (json, env, baseDir) => narrow(http.load(json, env, baseDir)),
  save: (config, form) => http.save({ ...config, nodeMultiaddress: formatMultiaddr(config.nodeMultiaddress) }, form)
}

/** The header value that an option of {@link HttpConfig.authorization} stands for. */
export function authorizationHeader(authorization: string): string | undefined {
  const [, scheme, secret = ''] = /^(bearer|basic):(.*)$/.exec(authorization) ?? []
  if (scheme === 'bearer') return `Bearer ${secret}`
  if (scheme === 'basic') return `Basic ${Buffer.from(secret).toString('base64')}`
  return authorization === '' ? undefined : authorization
}
