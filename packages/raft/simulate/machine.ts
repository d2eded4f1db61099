import { mustHold } from '@cluster/testing'
import type { LogEntry, Snapshot, StateMachine } from '../src/index.ts'
import type { Ledger } from './ledger.ts'

/** What the state machine of a server keeps on its disk, if it keeps anything. */
export interface MachineState {
  index: number
  operations: number[]
}

/** A list of the operations that were applied, which tells the ledger what it does. */
export class ListMachine implements StateMachine {
  readonly #name: string
  readonly #ledger: Ledger
  readonly #disk: MachineState | undefined
  index: number
  operations: number[]

  /** @param disk - durable by itself; without it all comes from snapshot and log */
  constructor(name: string, ledger: Ledger, disk: MachineState | undefined) {
    this.#name = name
    this.#ledger = ledger
    this.#disk = disk
    this.index = disk?.index ?? 0
    this.operations = disk === undefined ? [] : [...disk.operations]
  }

  open(): Promise<number> {
    return Promise.resolve(this.index)
  }

  async apply(entries: readonly LogEntry[]): Promise<readonly unknown[]> {
    await Promise.resolve()
    return entries.map((entry) => {
      mustHold(
        entry.index === this.index + 1,
        'P5: entries are applied in order, without a gap',
        () => `${this.#name} applies ${entry.index} after ${this.index}`
      )
      this.index = entry.index
      const operation = operationOf(entry)
      if (operation !== undefined) this.operations.push(operation)
      this.#ledger.applied(this.#name, entry, this.operations.length)
      this.#keep()
      return operation
    })
  }

  snapshot(): Promise<Iterable<Uint8Array>> {
    return Promise.resolve([new Uint8Array(Uint32Array.from(this.operations).buffer)])
  }

  async restore({ index }: Snapshot, data: AsyncIterable<Uint8Array>): Promise<void> {
    const operations: number[] = []
    for await (const part of data) {
      operations.push(...new Uint32Array(part.slice().buffer))
    }
    this.#ledger.restored(this.#name, index, operations)
    this.index = index
    this.operations = operations
    this.#keep()
  }

  #keep(): void {
    if (this.#disk === undefined) return
    this.#disk.index = this.index
    this.#disk.operations = [...this.operations]
  }
}

/** The operation of an entry: the first four bytes of a command. */
export function operationOf({
  type,
  data
}: {
  readonly type: number
  readonly data: Uint8Array | undefined
}): number | undefined {
  if (type !== 0 || data === undefined) return undefined
  return new DataView(data.buffer, data.byteOffset).getUint32(0)
}
