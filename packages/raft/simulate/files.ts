import type { Dice, SimulatedClock } from '@cluster/testing'
import type { Folder, OpenFile } from '../src/index.ts'

/** A write that was not synced. */
interface Loose {
  readonly position: number
  readonly bytes: Uint8Array
}

class Content {
  /** As the process sees it. */
  seen = new Uint8Array(0)
  /** As it is after a power loss, before what survives by luck. */
  safe = new Uint8Array(0)
  loose: Loose[] = []
}

/** How the disk of a server behaves. */
export interface FileWeather {
  maxSyncMs: number
  /** Share of writes and syncs that fail, 0 to 1. */
  errors: number
  isFull: boolean
}

/** When a planned crash happens: at one of the next syncs, before it takes effect or after. */
export interface CrashPlan {
  in: number
  readonly isBefore: boolean
  readonly crash: () => void
}

/**
 * The files of one server: they outlive its processes. What was not synced may be lost in any part when the power fails:
 * each write by itself, torn at any byte, and names that were made, changed or removed since the folder was synced.
 */
export class SimulatedFiles {
  readonly #clock: SimulatedClock
  readonly #dice: Dice
  #files = new Map<string, Content>()
  /** How to undo what was done to the names since the last sync of the folder. */
  #undo: (() => void)[] = []
  #mount = { isAlive: false }
  readonly weather: FileWeather = { maxSyncMs: 4, errors: 0, isFull: false }
  plan: CrashPlan | undefined
  syncs = 0

  constructor(clock: SimulatedClock, dice: Dice) {
    this.#clock = clock
    this.#dice = dice
  }

  /** The folder for a process; a former one does nothing any more. */
  mount(): Folder {
    this.#mount.isAlive = false
    const mount = { isAlive: true }
    this.#mount = mount
    const alive = async (): Promise<void> => {
      await Promise.resolve()
      if (!mount.isAlive) await never()
    }
    return {
      list: async () => {
        await alive()
        return [...this.#files.keys()]
      },
      open: async (name) => {
        await alive()
        return this.#open(mount, name)
      },
      remove: async (name) => {
        await alive()
        const content = this.#files.get(name)
        if (content === undefined) return
        this.#files.delete(name)
        this.#undo.push(() => this.#files.set(name, content))
      },
      rename: async (from, to) => {
        await alive()
        const content = this.#files.get(from)
        if (content === undefined) throw new Error(`ENOENT: ${from}`)
        this.#files.delete(from)
        this.#files.set(to, content)
        this.#undo.push(() => {
          this.#files.delete(to)
          this.#files.set(from, content)
        })
      },
      sync: async () => {
        await alive()
        await this.#sync(mount, () => {
          this.#undo = []
        })
      }
    }
  }

  /** The process is gone, what it wrote is there. */
  kill(): void {
    this.#mount.isAlive = false
    this.plan = undefined
  }

  /** The power fails. */
  losePower(): void {
    this.kill()
    const kept = this.#dice.between(0, this.#undo.length)
    for (const undo of this.#undo.splice(kept).reverse()) undo()
    this.#undo = []
    for (const content of this.#files.values()) {
      const after = content.safe.slice()
      let seen = after
      for (const { position, bytes } of content.loose) {
        const luck = this.#dice.random()
        if (luck < 0.4) continue
        const part = luck < 0.7 ? bytes : bytes.subarray(0, this.#dice.between(0, bytes.length))
        seen = written(seen, position, part)
      }
      content.seen = seen
      content.safe = seen.slice()
      content.loose = []
    }
  }

  #open(mount: { isAlive: boolean }, name: string): OpenFile {
    let content = this.#files.get(name)
    if (content === undefined) {
      content = new Content()
      this.#files.set(name, content)
      this.#undo.push(() => this.#files.delete(name))
    }
    const file = content
    const alive = async (): Promise<void> => {
      await Promise.resolve()
      if (!mount.isAlive) await never()
    }
    return {
      read: async (position, length) => {
        await alive()
        return file.seen.slice(position, position + length)
      },
      write: async (position, bytes) => {
        await alive()
        if (position + bytes.length > file.seen.length && this.weather.isFull) {
          throw Object.assign(new Error('simulated: no space left on device'), { code: 'ENOSPC' })
        }
        const copy = bytes.slice()
        file.seen = written(file.seen, position, copy)
        file.loose.push({ position, bytes: copy })
        if (this.#dice.chance(this.weather.errors)) throw new Error('simulated: EIO')
      },
      sync: async () => {
        await alive()
        await this.#sync(mount, () => {
          for (const { position, bytes } of file.loose) file.safe = written(file.safe, position, bytes)
          file.loose = []
        })
      },
      size: async () => {
        await alive()
        return file.seen.length
      },
      close: () => Promise.resolve()
    }
  }

  async #sync(mount: { isAlive: boolean }, take: () => void): Promise<void> {
    const { maxSyncMs, errors } = this.weather
    await this.#clock.sleep(this.#dice.random() * maxSyncMs)
    if (!mount.isAlive) await never()
    if (this.#dice.chance(errors)) throw new Error('simulated: EIO')
    if (this.#isCrashing(true)) await never()
    take()
    this.syncs += 1
    if (this.#isCrashing(false)) await never()
  }

  #isCrashing(isBefore: boolean): boolean {
    const { plan } = this
    if (plan?.isBefore !== isBefore) return false
    plan.in -= 1
    if (plan.in > 0) return false
    this.plan = undefined
    plan.crash()
    return true
  }
}

function written(into: Uint8Array<ArrayBuffer>, position: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let target = into
  if (position + bytes.length > into.length) {
    target = new Uint8Array(position + bytes.length)
    target.set(into)
  }
  target.set(bytes, position)
  return target
}

/** A dead process gets no answers. */
function never(): Promise<never> {
  return new Promise(() => undefined)
}
