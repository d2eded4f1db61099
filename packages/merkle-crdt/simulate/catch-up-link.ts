import type { CatchUpChannel } from '../src/index.ts'
import type { Peer } from './peer.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** A stream between two processes: in order, with delays; it breaks when one of them or the network fails. */
export class CatchUpLink {
  readonly client: LinkEnd
  readonly server: LinkEnd
  readonly #world: World
  readonly #peers: readonly [Peer, Peer]
  #lastMs = 0

  constructor(world: World, client: Peer, server: Peer, onMessage: () => void) {
    this.#world = world
    this.#peers = [client, server]
    this.client = new LinkEnd(world, client.process, (message) => {
      this.#carry(message, this.server)
    })
    this.server = new LinkEnd(world, server.process, (message) => {
      onMessage()
      this.#carry(message, this.client)
    })
    this.client.onClose = (reason) => {
      this.#later(() => {
        this.server.end(reason)
      })
    }
    this.server.onClose = (reason) => {
      this.#later(() => {
        this.client.end(reason)
      })
    }
  }

  #carry(message: Uint8Array, to: LinkEnd): void {
    const { dice, mishaps } = this.#world
    if (dice.chance(mishaps.hang / 10)) return
    const isBroken = dice.chance(mishaps.fail / 10)
    const arriving = dice.chance(mishaps.garbage / 4) ? spoil(message, dice.between(0, message.length)) : message
    this.#later(() => {
      const [a, b] = this.#peers
      if (isBroken || this.#world.isApart(a, b)) this.#break()
      else to.receive(arriving)
    })
  }

  /** Nothing overtakes what was sent before. */
  #later(fn: () => void): void {
    const { clock, network } = this.#world
    this.#lastMs = Math.max(this.#lastMs, clock.nowMs() + network.delayMs())
    clock.setTimer(this.#lastMs, fn)
  }

  #break(): void {
    const reset = new Error('simulated: the stream was reset')
    this.client.end(reset)
    this.server.end(reset)
  }
}

/** One end of the stream. */
class LinkEnd implements CatchUpChannel {
  readonly #world: World
  readonly #process: Process | undefined
  readonly #send: (message: Uint8Array) => void
  readonly #unread: Uint8Array[] = []
  #end: { readonly reason: Error | undefined } | undefined
  #wake: () => void = () => undefined
  onClose: (reason: Error | undefined) => void = () => undefined

  constructor(world: World, process: Process | undefined, send: (message: Uint8Array) => void) {
    this.#world = world
    this.#process = process
    this.#send = send
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const message = this.#unread.shift()
      if (message !== undefined) return message
      if (this.#end?.reason !== undefined) throw this.#end.reason
      if (this.#end !== undefined) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async write(message: Uint8Array): Promise<void> {
    if (this.#end !== undefined) throw this.#end.reason ?? new Error('simulated: the stream is closed')
    if (this.#process?.isAlive === true) this.#send(message)
    await this.#world.clock.sleep(1)
  }

  close(reason?: Error): void {
    if (this.#end !== undefined) return
    this.end(reason)
    if (this.#process?.isAlive === true) this.onClose(reason)
  }

  receive(message: Uint8Array): void {
    if (this.#end !== undefined || this.#process?.isAlive !== true) return
    this.#unread.push(message)
    this.#wake()
  }

  /** Nothing more comes. */
  end(reason: Error | undefined): void {
    this.#end ??= { reason }
    this.#wake()
  }
}

function spoil(message: Uint8Array, at: number): Uint8Array {
  return message.map((byte, index) => (index === at ? byte ^ 0x55 : byte))
}
