import { join } from 'node:path'
import { createBitswap, createBlockService } from '@cluster/bitswap'
import { createIdentity } from '@cluster/config'
import { CatchUpProtocol } from '@cluster/consensus-crdt'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { createHost, type Host } from '@cluster/host'
import { DagBlocks, type CatchUpOptions, type MerkleCrdt } from '@cluster/merkle-crdt'
import { multiaddr } from '@multiformats/multiaddr'
import { NAMESPACE, openStore } from './bench-store.ts'

/** The secret of all benches: who knows it is in the cluster. */
const SECRET = new Uint8Array(32).fill(7)
const TOPIC = 'bench'

/** A replica on a libp2p host of its own: gossip, Bitswap and the catch-up protocol over real sockets. */
export class CatchUpPeer implements AsyncDisposable {
  readonly host: Host
  readonly store: MerkleCrdt
  readonly #end: () => Promise<void>

  private constructor(host: Host, store: MerkleCrdt, end: () => Promise<void>) {
    this.host = host
    this.store = store
    this.#end = end
  }

  /** @param catchUp - `undefined`: Bitswap alone, as with a Go peer */
  static async open(folder: string, catchUp: Partial<CatchUpOptions> | undefined): Promise<CatchUpPeer> {
    const { privateKey } = await createIdentity()
    const host = await createHost({ privateKey, secret: SECRET, listen: [multiaddr('/ip4/127.0.0.1/tcp/0')] })
    const storage = await LevelPeerDatastore.open(join(folder, 'leveldb'))
    const blocks = new DagBlocks(storage, NAMESPACE)
    const bitswap = createBitswap({ libp2p: host.libp2p, blockstore: blocks })
    await bitswap.start()
    const service = createBlockService({ blockstore: blocks, bitswap })
    const topic = host.subscribe(TOPIC)
    const protocol = new CatchUpProtocol({ libp2p: host.libp2p, topic: TOPIC, isTrusted: () => true })
    await protocol.watch()
    const store = await openStore(storage, {
      blocks,
      exchange: service,
      broadcaster: {
        broadcast: (data) => topic.publish(data),
        messages: async function* (options) {
          for await (const { data } of topic.messages(options)) yield data
        }
      },
      ...(catchUp === undefined ? {} : { catchUp: { ...protocol.options, ...catchUp } })
    })
    if (catchUp !== undefined) await protocol.serve(store)
    return new CatchUpPeer(host, store, async () => {
      await protocol.stop()
      await store.close()
      service.unmount()
      await bitswap.stop()
      await host.stop()
      await storage.close()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
  }
}
