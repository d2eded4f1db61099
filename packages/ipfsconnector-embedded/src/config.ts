import { ClusterError } from '@cluster/api'
import {
  addresses,
  duration,
  flag,
  integer,
  listenTarget,
  parseSize,
  section,
  text,
  type Section
} from '@cluster/config'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

const gatewayDefault: readonly Multiaddr[] = [multiaddr('/ip4/127.0.0.1/tcp/8080')]

/** What {@link embeddedConfig} reads from `ipfs_connector.embedded`. */
export interface EmbeddedConfig {
  /** Folder of the blocks, relative to that of `service.json`. */
  readonly folder: string
  /** Bytes that blocks may take, as text such as `10GB`. */
  readonly storageMax: string
  /** Where the gateway listens; empty = no gateway. */
  readonly gatewayListenMultiaddress: readonly Multiaddr[]
  /** For a block that the gateway fetches, in milliseconds; 0 = no limit. */
  readonly gatewayTimeoutMs: number
  /** For a single block that is fetched for a caller, in milliseconds; 0 = no limit. */
  readonly requestTimeoutMs: number
  /** For a pin without progress, in milliseconds; 0 = no limit. */
  readonly pinTimeoutMs: number
  /** How long added blocks are held from garbage collection, in milliseconds. */
  readonly holdTimeMs: number
  /** Pins and adds between two requests for metrics; 0 = none. */
  readonly informerTriggerInterval: number
  readonly unpinDisable: boolean
}

/** The section `ipfs_connector.embedded`. All options have defaults. */
export const embeddedConfig: Section<EmbeddedConfig> = section({
  name: 'embedded',
  env: 'CLUSTER_EMBEDDED',
  options: {
    folder: text({ default: 'ipfs', description: 'Folder of the content blocks, below that of service.json' }),
    storage_max: text({
      default: '10GB',
      description: 'Bytes that blocks may take, such as 500MB or 2TiB; what would exceed it is refused'
    }),
    gateway_listen_multiaddress: {
      ...addresses({
        default: gatewayDefault,
        load: 'Z',
        description: 'Where the read-only gateway listens (one address or a list); empty for no gateway'
      }),
      zero: gatewayDefault // absent keeps the default, an empty list switches it off
    },
    gateway_timeout: duration({
      default: 30_000,
      description: 'How long the gateway looks for a block that is not here; 0s for no limit'
    }),
    request_timeout: duration({
      default: 300_000,
      description: 'How long a single block is looked for at other peers; 0s for no limit'
    }),
    pin_timeout: duration({
      default: 120_000,
      description: 'A pin fails when no block of it arrives for this long; 0s for no limit'
    }),
    hold_time: duration({
      default: 3_600_000,
      description: 'How long added blocks are kept from garbage collection while no pin follows'
    }),
    informer_trigger_interval: integer({
      default: 0,
      description: 'Publish metrics again after this many pins and adds; 0 for never'
    }),
    unpin_disable: flag({ default: false, omit: true, description: 'Refuse to unpin anything at this peer' })
  },
  validate: (values) => {
    const negative = Object.entries(values).find(([, value]) => typeof value === 'number' && value < 0)
    if (negative !== undefined) return `embedded.${keyOf(negative[0])} is invalid`
    if (parseSize(values.storageMax) === undefined) {
      return `embedded.storage_max is invalid: expected a size such as 10GB, not ${JSON.stringify(values.storageMax)}`
    }
    const bad = values.gatewayListenMultiaddress.find((address) => listenTarget(address) === undefined)
    if (bad === undefined) return undefined
    return `embedded.gateway_listen_multiaddress is invalid: cannot listen on ${bad.toString()}, expected /ip4, /ip6 or /dns with /tcp, or /unix`
  }
})

/** `storage_max` in bytes. */
export function storageMaxBytes({ storageMax }: EmbeddedConfig): number {
  const bytes = parseSize(storageMax)
  if (bytes === undefined) throw new ClusterError('CONFIG_INVALID', 'embedded.storage_max is invalid')
  return bytes
}

function keyOf(name: string): string {
  return name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
