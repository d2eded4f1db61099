import { GoPeer, type InstantDaemons } from '@cluster/processes'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoadedPeer } from './pins.ts'

/** What a rival cluster is made of. */
interface GoPeersInit {
  readonly service: string
  readonly ctl: string
  readonly daemons: InstantDaemons
  readonly count: number
  readonly env: Readonly<Record<string, string>>
}

/** A cluster of peers of the Go implementation. */
export class GoPeers implements AsyncDisposable {
  readonly #folder: string
  readonly #peers: readonly GoPeer[]

  private constructor(folder: string, peers: readonly GoPeer[]) {
    this.#folder = folder
    this.#peers = peers
  }

  static async start({ service, ctl, daemons, count, env }: GoPeersInit): Promise<GoPeers> {
    const folder = await mkdtemp(join(tmpdir(), 'cluster-bench-go-'))
    const secret = randomBytes(32).toString('hex')
    const peers: GoPeer[] = []
    for (let index = 0; index < count; index++) {
      const name = `go${index.toString()}`
      const kubo = daemons.address(index)
      const peer = await GoPeer.create({ service, ctl, folder: join(folder, name), name, secret, kubo, env })
      await peer.start(...(peers.length === 0 ? [] : ['--bootstrap', peers.map(({ address }) => address).join(',')]))
      peers.push(peer)
    }
    return new GoPeers(folder, peers)
  }

  get loaded(): readonly LoadedPeer[] {
    return this.#peers.map(({ name, restUrl, pid = 0 }) => ({ name, restUrl, pid }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()))
    await rm(this.#folder, { recursive: true, force: true })
  }
}
