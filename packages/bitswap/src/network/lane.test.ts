import type { Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../system-clock.ts'
import { decodeMessage } from '../wire/decode.ts'
import { Lane, type LaneMessage, type LaneSource } from './lane.ts'

/** CIDv1, raw, sha2-256. */
const prefix = Uint8Array.of(1, 0x55, 0x12, 32)

/** A stream that takes everything at once and notes the first byte of each block. */
class Sink extends EventTarget {
  readonly protocol = '/ipfs/bitswap/1.2.0'
  readonly status = 'open'
  readonly writeStatus = 'writable'
  readonly writableNeedsDrain = false
  readonly writeBufferLength = 0
  readonly written: number[] = []
  failed: Error | undefined
  readonly #onWritten: () => void

  constructor(onWritten: () => void) {
    super()
    this.#onWritten = onWritten
  }

  send(frame: { subarray(): Uint8Array }): boolean {
    const bytes = frame.subarray()
    // One byte of length goes before these small messages.
    for (const { data } of decodeMessage(bytes.subarray(1)).blocks) this.written.push(data[0] ?? -1)
    this.#onWritten()
    return true
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  abort(error: Error): void {
    this.failed = error
  }
}

function message(id: number): LaneMessage {
  return { message: { blocks: [{ prefix, data: Uint8Array.of(id) }] } }
}

function laneOf(source: LaneSource, sink: Sink): Lane {
  return new Lane({
    source,
    clock: systemClock,
    protocolPrefix: '',
    idleMs: 60_000,
    open: () => Promise.resolve(sink as unknown as Stream),
    unresponsive: (error) => {
      throw error
    }
  })
}

describe('a lane', () => {
  it('sends what comes in each of the microtasks in which a run ends', async () => {
    for (let gap = 0; gap < 12; gap += 1) {
      const done = Promise.withResolvers<undefined>()
      const queue = [1]
      const sink = new Sink(() => {
        if (sink.written.length === 2) done.resolve(undefined)
      })
      let looks = 0
      const lane = laneOf(
        {
          ready: () => {
            looks += 1
            // The look at which the run decides to end: the next answer comes a little later.
            if (looks === 2)
              void afterMicrotasks(gap).then(() => {
                queue.push(2)
                lane.wake()
              })
            return queue.length > 0
          },
          take: () => {
            const id = queue.shift()
            return id === undefined ? undefined : message(id)
          }
        },
        sink
      )
      lane.wake()
      await done.promise
      expect(sink.written).toEqual([1, 2])
      await lane.close()
    }
  })

  it('goes on when what was ready became void while something else came', async () => {
    const done = Promise.withResolvers<undefined>()
    const sink = new Sink(() => {
      done.resolve(undefined)
    })
    const taken: (LaneMessage | undefined)[] = [undefined, message(7)]
    const lane = laneOf({ ready: () => taken.length > 0, take: () => taken.shift() }, sink)
    lane.wake()
    await done.promise
    expect(sink.written).toEqual([7])
    expect(sink.failed).toBeUndefined()
    await lane.close()
  })
})

async function afterMicrotasks(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await Promise.resolve()
}
