import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { multiaddr } from '@multiformats/multiaddr'
import type { CatchUpOptions } from '@cluster/merkle-crdt'
import type { Job } from '../job.ts'
import { withFolder } from './bench-store.ts'
import { CatchUpPeer } from './catch-up-peer.ts'

const PINS = 100_000
/** As `batching.max_batch_size` of a peer that batches. */
const BATCH = 100
/** Either the snapshot, or never. */
const ONLY_BLOCKS: Partial<CatchUpOptions> = { snapshots: false }
const SNAPSHOT: Partial<CatchUpOptions> = { archive: false }

/** A fresh replica takes in a history from one other process, over real sockets and under a cluster secret. */
export const catchUp: Job = async (say) => {
  await withFolder(async (folder) => {
    await using single = await Server.start(join(folder, 'single'), 1)
    const name = `fresh replica, ${PINS.toString()} pins, one a block`
    const measure = async (how: string, options: Partial<CatchUpOptions> | undefined): Promise<void> => {
      say({ name: `${name}, ${how}`, value: await sync(join(folder, how), single, options), unit: 'pins/s' })
    }
    await measure('by snapshot', SNAPSHOT)
    await measure('by catching up', ONLY_BLOCKS)
    await measure('by Bitswap', undefined)
  })
  await withFolder(async (folder) => {
    await using batched = await Server.start(join(folder, 'batched'), BATCH)
    const name = `fresh replica, ${PINS.toString()} pins, ${BATCH.toString()} a block`
    const value = await sync(join(folder, 'blocks'), batched, ONLY_BLOCKS)
    say({ name: `${name}, by catching up`, value, unit: 'pins/s' })
  })
}

/** The other process. */
class Server implements AsyncDisposable {
  readonly address: string
  readonly #process: ChildProcess

  private constructor(address: string, process: ChildProcess) {
    this.address = address
    this.#process = process
  }

  static async start(folder: string, pinsOfBlock: number): Promise<Server> {
    const program = fileURLToPath(new URL('catch-up-server.ts', import.meta.url))
    const child = fork(program, [folder, PINS.toString(), pinsOfBlock.toString()], {
      execArgv: ['--conditions=@cluster/source'],
      stdio: ['pipe', 'pipe', 'inherit', 'ipc']
    })
    if (child.stdout === null) throw new Error('no output')
    for await (const line of createInterface(child.stdout)) return new Server(line, child)
    throw new Error('the server did not start')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.stdin?.end()
    this.#process.disconnect()
    await ended
  }
}

/** Pins a second, from the connection until everything is there. */
async function sync(folder: string, server: Server, catchUp: Partial<CatchUpOptions> | undefined): Promise<number> {
  await using fresh = await CatchUpPeer.open(folder, catchUp)
  const peer = await fresh.host.importAddress(multiaddr(server.address), { dial: false })
  const begun = performance.now()
  const full = new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (fresh.store.growth < PINS) return
      clearInterval(look)
      resolve()
    }, 20)
  })
  await fresh.host.connect(peer)
  await full
  const seconds = (performance.now() - begun) / 1000
  let count = 0
  for await (const page of fresh.store.list()) count += page.length
  if (count !== PINS) throw new Error(`${count.toString()} of ${PINS.toString()} pins`)
  return PINS / seconds
}
