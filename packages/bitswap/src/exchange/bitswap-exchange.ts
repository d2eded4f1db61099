import { type BlockExchange, type Blocks, type BlockService, type ComponentContext, limitCounter } from '@cluster/api'
import { createBitswap } from '../bitswap.ts'
import { ExchangingBlockService } from '../block-service.ts'
import type { Bitswap } from '../interface.ts'
import type { BitswapConfig } from './exchange-config.ts'
import { MountTable } from './mount-table.ts'

/**
 * The port `BlockExchange` over Bitswap: one engine on the host of the peer, which serves the blocks of all mounts.
 *
 * @see ARCHITECTURE.md §7, bitswap.md §4.3.4
 */
export class BitswapExchange implements BlockExchange {
  readonly #context: ComponentContext<'exchange'>
  readonly #config: BitswapConfig
  readonly #mounts = new MountTable()
  #engine: Bitswap | undefined

  constructor(context: ComponentContext<'exchange'>, config: BitswapConfig) {
    this.#context = context
    this.#config = config
  }

  mount(name: string, blocks: Blocks): BlockService {
    this.#mounts.add(name, blocks)
    const { log, metrics } = this.#context
    const limitReached = limitCounter(metrics)
    const onLimit = ({ message }: Error): void => {
      limitReached('exchange_wants')
      log.warn(`a block was not fetched: ${message}`)
    }
    return new ExchangingBlockService({ blockstore: blocks, bitswap: this.#bitswap(), onLimit }, () => {
      this.#mounts.remove(name)
    })
  }

  async start(): Promise<void> {
    await this.#bitswap().start()
  }

  async stop(): Promise<void> {
    await this.#engine?.stop()
  }

  /** Made when it is needed first: creating a component must not touch its collaborators. */
  #bitswap(): Bitswap {
    const { network, clock, random, libp2pLogger: logger } = this.#context
    const { clientWantsPerPeer, clientInFlightBytes, serverWantsPerPeer, serverMessageBytes, protocolPrefix } =
      this.#config
    this.#engine ??= createBitswap(
      { libp2p: network.libp2p, blockstore: this.#mounts, clock, random, logger },
      {
        protocolPrefix,
        client: { maxWantsPerPeer: clientWantsPerPeer, maxInFlightBytes: clientInFlightBytes },
        server: { maxWantsPerPeer: serverWantsPerPeer, targetMessageBytes: serverMessageBytes }
      }
    )
    return this.#engine
  }
}
