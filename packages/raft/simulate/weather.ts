import type { World } from './world.ts'

/** The faults of network, disks and clocks, as they come and go. */
export class Weather {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
    this.#roughen()
  }

  /** Something changes. */
  change(): void {
    const { dice, network, peers, clock } = this.#world
    const all = peers.map(({ number }) => number)
    const peer = dice.pick(peers)
    if (peer === undefined) return
    const kind = dice.weighted({
      partition: 3,
      isolate: 3,
      isolateLeader: 3,
      bridge: 1,
      cut: 3,
      mend: 8,
      roughen: 3,
      calm: 4,
      disk: 3,
      full: 1,
      pause: 2
    })
    this.#world.tell(() => `weather: ${kind} ${peer.name}`)
    switch (kind) {
      case 'partition':
        network.partition(all, new Set(all.filter(() => dice.chance(0.5))))
        break
      case 'isolate':
        network.partition(all, new Set([peer.number]))
        break
      case 'isolateLeader': {
        const leader = peers.find(({ state }) => state?.role === 'leader')
        if (leader !== undefined) network.partition(all, new Set([leader.number]))
        break
      }
      case 'bridge': {
        // two halves that only one server can reach
        const half = new Set(all.filter((number) => number !== peer.number && dice.chance(0.5)))
        for (const a of half) {
          for (const b of all) {
            if (half.has(b) || b === peer.number) continue
            network.cut(a, b)
            network.cut(b, a)
          }
        }
        break
      }
      case 'cut':
        network.cut(peer.number, dice.pick(all) ?? 0)
        break
      case 'mend':
        network.mend()
        break
      case 'roughen':
        this.#roughen()
        break
      case 'calm':
        Object.assign(network.weather, { loss: 0, duplication: 0, minDelayMs: 1, maxDelayMs: 15 })
        break
      case 'disk':
        peer.files.weather.errors = dice.chance(0.7) ? 0 : dice.random() * 0.05
        peer.files.weather.maxSyncMs = dice.chance(0.25) ? 1500 : dice.chance(0.5) ? 60 : 4
        break
      case 'full':
        peer.files.weather.isFull = !peer.files.weather.isFull
        break
      case 'pause':
        peer.pausedUntilMs = clock.nowMs() + dice.random() * 4000
        break
    }
  }

  /** No more faults. */
  heal(): void {
    const { network, peers } = this.#world
    network.heal()
    for (const { files } of peers) {
      Object.assign(files.weather, { errors: 0, maxSyncMs: 4, isFull: false })
      files.plan = undefined
    }
  }

  #roughen(): void {
    const { dice, network } = this.#world
    const up = (to: number): number => (dice.chance(0.5) ? 0 : dice.random() * to)
    const maxDelayMs = dice.chance(0.15) ? 900 : 5 + dice.random() * 60
    Object.assign(network.weather, { loss: up(0.3), duplication: up(0.2), minDelayMs: 1, maxDelayMs })
  }
}
