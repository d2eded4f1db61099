import { type ComponentDescriptor, PORT_VERSION } from '@cluster/api'
import { BitswapExchange } from './exchange/bitswap-exchange.ts'
import { type BitswapConfig, bitswapConfigSection } from './exchange/exchange-config.ts'

export { createBitswap } from './bitswap.ts'
export { createBlockService, type BlockServiceComponents } from './block-service.ts'
export type { BoundedFetchOptions } from './client/bounded-fetch.ts'
export type { DontHaveTimeoutOptions } from './client/dont-have-timeout.ts'
export {
  BitswapError,
  type BitswapErrorCode,
  BitswapNotStartedError,
  BitswapStoppedError,
  BlockTooLargeError,
  InsecureHashError,
  InvalidCidError,
  InvalidOptionError,
  SessionClosedError,
  WantlistFullError
} from './errors.ts'
export type { BitswapConfig } from './exchange/exchange-config.ts'
export type {
  Bitswap,
  BitswapComponents,
  BitswapEvents,
  BitswapSession,
  BlockFetcher,
  GetBlocksOptions,
  PeerTarget,
  PeerWantlistItem,
  ReceivedBlock,
  Receipt,
  SessionOptions,
  WantlistItem,
  WantOptions
} from './interface.ts'
export type { BitswapHost } from './network/network.ts'
export type { BitswapInit, ClientInit, LimitsInit, NetworkInit, ServerInit } from './options.ts'
export type { BitswapBlockstore } from './server/block-reader.ts'
export type { BitswapStat } from './statistics.ts'
export type { GetHasher } from './verify/verifier.ts'

/** The component `exchange.bitswap`. */
const descriptor: ComponentDescriptor<'exchange', BitswapConfig> = {
  port: PORT_VERSION,
  kind: 'exchange',
  name: 'bitswap',
  config: bitswapConfigSection,
  create: (context, config) => new BitswapExchange(context, config)
}
export default descriptor
