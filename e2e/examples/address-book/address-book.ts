import { createBitswap, createBlockService } from '@cluster/bitswap'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { createHost } from '@cluster/host'
import { DagBlocks, MerkleCrdt } from '@cluster/merkle-crdt'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'

/** What a book is opened with. */
export interface AddressBookOptions {
  /** Where the book is kept. */
  readonly folder: string
  /** 32 bytes that all who share the book know: nobody else can connect. */
  readonly secret: Uint8Array
  /** The address of somebody who has it, as their `address` says. */
  readonly join?: string | undefined
}

/** Somebody's entry changed; without `phone` it was removed. */
interface EntryChange {
  readonly name: string
  readonly phone?: string | undefined
}

/** An address book that is on several machines at once: all may write, also while they cannot reach each other. */
export interface AddressBook extends AsyncDisposable {
  /** For others to join. */
  readonly address: string
  /** Durable when it returns, and told to the others. */
  set(name: string, phone: string): Promise<void>
  remove(name: string): Promise<void>
  get(name: string): Promise<string | undefined>
  /** All entries, by name. */
  list(): AsyncGenerator<Required<EntryChange>>
  /** What changed, here or elsewhere; at the start, all that is there. One reader. */
  changes(signal: AbortSignal): AsyncGenerator<EntryChange>
}

const NAMESPACE = '/book'
const TOPIC = 'address book'
const WELCOME_DELAY_MS = 200
const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** Keys are paths: a name may hold a slash. */
const keyOf = (name: string): string => `/${encodeURIComponent(name)}`
const nameOf = (key: string): string => decodeURIComponent(key.slice(1))

/** Opens a book, or makes a new one. */
export async function openAddressBook({ folder, secret, join }: AddressBookOptions): Promise<AddressBook> {
  // 1. A libp2p node with gossip, in the private network of the secret.
  const host = await createHost({
    privateKey: await generateKeyPair('Ed25519'),
    secret,
    listen: [multiaddr('/ip4/127.0.0.1/tcp/0')]
  })
  const topic = host.subscribe(TOPIC)

  // 2. A datastore, and a block exchange that serves the store's blocks and fetches those of others.
  const storage = await LevelPeerDatastore.open(folder)
  const blocks = new DagBlocks(storage, NAMESPACE)
  const bitswap = createBitswap({ libp2p: host.libp2p, blockstore: blocks })
  await bitswap.start()

  // 3. The store over both.
  const store = await MerkleCrdt.open({
    storage,
    namespace: NAMESPACE,
    blocks,
    exchange: createBlockService({ blockstore: blocks, bitswap }),
    broadcaster: {
      broadcast: (data, options) => topic.publish(data, options),
      messages: async function* (options) {
        for await (const { data } of topic.messages(options)) yield data
      }
    },
    clock: {
      nowMs: Date.now,
      setTimer: (atMs, fn) => {
        const timer = setTimeout(fn, atMs - Date.now())
        return () => {
          clearTimeout(timer)
        }
      },
      soon: (fn) => void setImmediate(fn)
    },
    random: Math.random,
    log: { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error }
  })
  // 4. Whoever comes is told soon what there is, when gossip reaches it; without this, within a minute.
  let welcome: NodeJS.Timeout | undefined
  topic.onSubscribed(() => {
    store.retryNow()
    clearTimeout(welcome)
    welcome = setTimeout(() => void store.announceHeads(Date.now()), WELCOME_DELAY_MS)
  })
  if (join !== undefined) await host.connect(await host.importAddress(multiaddr(join), { dial: false }))

  async function* list(): AsyncGenerator<Required<EntryChange>> {
    for await (const page of store.list()) {
      for (const { key, value } of page) yield { name: nameOf(key), phone: decoder.decode(value) }
    }
  }

  return {
    address: host.addresses()[0]?.toString() ?? '',
    set: (name, phone) => store.commit([{ type: 'put', key: keyOf(name), value: encoder.encode(phone) }]),
    remove: (name) => store.commit([{ type: 'delete', key: keyOf(name) }]),
    async get(name) {
      const value = await store.get(keyOf(name))
      return value === undefined ? undefined : decoder.decode(value)
    },
    list,
    async *changes(signal) {
      for await (const page of store.changes({ signal })) {
        for (const change of page) {
          if (change.type === 'resync') yield* list()
          else if (change.type === 'delete') yield { name: nameOf(change.key) }
          else yield { name: nameOf(change.key), phone: decoder.decode(change.value) }
        }
      }
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(welcome)
      await store.close()
      await bitswap.stop()
      await host.stop()
      await storage.close()
    }
  }
}
