import type { Peer } from './peer.ts'
import type { World } from './world.ts'

/** The faults of network and disks, as they come and go. */
export class Weather {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
    for (const peer of world.peers) for (const { number } of world.peers) peer.trusted.add(number)
    this.#roughen()
  }

  /** Something changes. */
  change(): void {
    const { dice, network, peers } = this.#world
    const all = peers.map(({ number }) => number)
    const [one, other] = [dice.pick(all) ?? 0, dice.pick(all) ?? 0]
    const kind = dice.weighted({ partition: 3, isolate: 3, cut: 2, mend: 6, roughen: 4, calm: 3, disk: 2 })
    this.#world.tell(() => `weather: ${kind}`)
    switch (kind) {
      case 'partition':
        network.partition(all, new Set(all.filter(() => dice.chance(0.5))))
        break
      case 'isolate':
        network.partition(all, new Set([one]))
        break
      case 'cut':
        network.cut(one, other)
        break
      case 'mend':
        network.mend()
        break
      case 'roughen':
        this.#roughen()
        break
      case 'calm':
        this.#calm()
        break
      case 'disk': {
        const disk = peers[one]?.disk.weather
        if (disk === undefined) break
        disk.writeErrors = dice.chance(0.5) ? 0 : dice.random() * 0.5
        disk.maxWriteMs = dice.chance(0.2) ? 500 : 8
        break
      }
    }
  }

  /** A peer trusts another one no more, or again. */
  changeTrust(peer: Peer): void {
    const { dice, peers } = this.#world
    const other = dice.pick(peers)
    if (other === undefined || other === peer) return
    if (!peer.trusted.delete(other.number)) peer.trusted.add(other.number)
    this.#world.tell(() => `${peer.name} ${peer.trusted.has(other.number) ? 'trusts' : 'distrusts'} ${other.name}`)
  }

  /** No more faults. */
  heal(): void {
    const { network, peers } = this.#world
    this.#calm()
    network.heal()
    for (const peer of peers) {
      for (const { number } of peers) peer.trusted.add(number)
      peer.disk.weather.writeErrors = 0
      peer.disk.weather.maxWriteMs = 8
    }
  }

  #calm(): void {
    Object.assign(this.#world.mishaps, { hang: 0, fail: 0, garbage: 0, mute: 0 })
    Object.assign(this.#world.network.weather, { loss: 0, duplication: 0, minDelayMs: 1, maxDelayMs: 20 })
  }

  #roughen(): void {
    const { dice, mishaps, network } = this.#world
    const up = (to: number): number => (dice.chance(0.5) ? 0 : dice.random() * to)
    Object.assign(mishaps, { hang: up(0.2), fail: up(0.3), garbage: up(0.1), mute: up(0.2) })
    const maxDelayMs = dice.chance(0.2) ? 4000 : 5 + dice.random() * 200
    Object.assign(network.weather, { loss: up(0.8), duplication: up(0.3), minDelayMs: 1, maxDelayMs })
  }
}
