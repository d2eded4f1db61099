import { join } from 'node:path'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { openStore } from './bench-store.ts'
import { CatchUpPeer } from './catch-up-peer.ts'
import { pinPages } from './bench-pins.ts'

/**
 * A peer in a process of its own that has a history, for others to catch up with. Arguments: folder, pins, pins a block.
 * Tells its address when it listens, and ends when its input does.
 */
const [folder = '.', pins = '1', pinsOfBlock = '1'] = process.argv.slice(2)

const storage = await LevelPeerDatastore.open(join(folder, 'leveldb'), { sync: false })
const writer = await openStore(storage, {
  catchUp: { topic: '', peers: () => [] },
  batching: { maxSize: Number(pinsOfBlock), maxAgeMs: 1000, maxQueue: Number(pins) + 1 }
})
for await (const page of pinPages(Number(pins))) {
  await writer.commit(page.map(({ key, value }) => ({ type: 'put', key, value })))
}
await writer.close()
await storage.close()

await using peer = await CatchUpPeer.open(folder, {})
const [address] = peer.host.addresses()
// gossip takes a moment to know a peer that comes: told often, it is told soon
const telling = setInterval(() => void peer.store.announceHeads(Date.now()), 100)
process.stdout.write(`${address?.toString() ?? ''}\n`)
await new Promise((resolve) => process.stdin.on('end', resolve).resume())
clearInterval(telling)
