import type { Dice, SimulatedClock } from '@cluster/testing'
import { RaftError, type Snapshot, type SnapshotStore } from '../src/index.ts'

const RETAINED = 2

/** The snapshots of one server: durable when they are whole. */
export class SimulatedSnapshots {
  readonly #clock: SimulatedClock
  readonly #dice: Dice
  #all: { readonly snapshot: Snapshot; readonly data: Uint8Array }[] = []
  #number = 0

  constructor(clock: SimulatedClock, dice: Dice) {
    this.#clock = clock
    this.#dice = dice
  }

  get newest(): Snapshot | undefined {
    return this.#all[0]?.snapshot
  }

  /** For a process: does nothing once that is gone. */
  mount(isAlive: () => boolean): SnapshotStore {
    const dice = this.#dice
    const find = (id: string): Uint8Array => {
      const found = this.#all.find(({ snapshot }) => snapshot.id === id)
      if (found === undefined) throw new RaftError('RAFT_CORRUPT', `snapshot ${id} is gone`)
      return found.data
    }
    return {
      list: () => Promise.resolve(this.#all.map(({ snapshot }) => snapshot)),
      open: async function* ({ id }) {
        await Promise.resolve()
        yield find(id)
      },
      write: async (of, data, { size: expected } = {}) => {
        const parts: Uint8Array[] = []
        for await (const part of data) parts.push(part)
        await this.#clock.sleep(dice.random() * 30)
        const bytes = new Uint8Array(Buffer.concat(parts))
        if (expected !== undefined && bytes.length !== expected) {
          throw new RaftError('RAFT_BAD_MESSAGE', `${bytes.length} of ${expected} bytes`)
        }
        if (!isAlive()) return new Promise<never>(() => undefined)
        const { index, term, configuration, configurationIndex } = of
        const id = `${term}-${index}-${++this.#number}`
        const snapshot: Snapshot = { id, index, term, configuration, configurationIndex, size: bytes.length }
        this.#all.push({ snapshot, data: bytes })
        this.#all.sort((a, b) => b.snapshot.term - a.snapshot.term || b.snapshot.index - a.snapshot.index)
        this.#all.length = Math.min(this.#all.length, RETAINED)
        return snapshot
      }
    }
  }
}
