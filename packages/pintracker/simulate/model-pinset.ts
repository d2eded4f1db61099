import { pinsetKey, type ListOptions, type Pages, type Pin, type ReadonlyState } from '@cluster/api'
import type { CID } from 'multiformats/cid'

const PAGE = 3

/** The pinset as the consensus keeps it: the truth. */
export class ModelPinset implements ReadonlyState {
  readonly pins = new Map<string, Pin>()
  /** Whether it can be read now. */
  isReadable = true

  async get(cid: CID): Promise<Pin | undefined> {
    await this.#read()
    return this.pins.get(pinsetKey(cid))
  }

  async *list({ after, limit = Infinity, signal }: ListOptions): Pages<Pin> {
    const afterKey = after === undefined ? '' : pinsetKey(after)
    const snapshot = [...this.pins].filter(([key]) => key > afterKey).sort(([a], [b]) => (a < b ? -1 : 1))
    for (let at = 0; at < Math.min(limit, snapshot.length); at += PAGE) {
      await this.#read()
      signal?.throwIfAborted()
      yield snapshot.slice(at, Math.min(at + PAGE, limit)).map(([, pin]) => pin)
    }
  }

  async #read(): Promise<void> {
    await Promise.resolve()
    if (!this.isReadable) throw new Error('simulated: the pinset cannot be read')
  }
}
