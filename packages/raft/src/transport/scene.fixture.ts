import { ByteReader, readStream, writeStream } from '@cluster/streams'
import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import type { Snapshot } from '../core/snapshot.ts'
import type { LogEntry } from '../entry.ts'
import { MemoryLog, MemorySnapshots } from '../node/memory.fixture.ts'
import { RaftNode } from '../node/raft-node.ts'
import type { Incoming, RaftLog, SnapshotStore, StateMachine } from '../ports.ts'
import { serveStream } from './serve-stream.ts'

/** A state machine that takes anything, and is where it is told to be. */
export class IndexMachine implements StateMachine {
  readonly #start: number
  restored: { readonly index: number; readonly bytes: Uint8Array } | undefined
  applied: LogEntry[] = []

  constructor(start = 0) {
    this.#start = start
  }

  open(): Promise<number> {
    return Promise.resolve(this.#start)
  }

  apply(entries: readonly LogEntry[]): Promise<readonly unknown[]> {
    this.applied.push(...entries)
    return Promise.resolve(entries.map(() => undefined))
  }

  snapshot(): Promise<Iterable<Uint8Array>> {
    return Promise.resolve([])
  }

  async restore({ index }: Snapshot, data: AsyncIterable<Uint8Array>): Promise<void> {
    this.restored = { index, bytes: new Uint8Array(Buffer.concat(await Array.fromAsync(data))) }
    this.applied = []
  }
}

/** A server whose time stands still, behind the streams of the wire. */
export class WireScene {
  readonly node: RaftNode
  readonly machine: IndexMachine
  readonly #handler: (incoming: Incoming) => void
  readonly #stopping = new AbortController()

  private constructor(node: RaftNode, machine: IndexMachine, handler: (incoming: Incoming) => void) {
    this.node = node
    this.machine = machine
    this.#handler = handler
  }

  static async open(
    id: string,
    log: RaftLog = new MemoryLog(),
    snapshots: SnapshotStore = new MemorySnapshots(),
    machine = new IndexMachine()
  ): Promise<WireScene> {
    let handler: ((incoming: Incoming) => void) | undefined
    const node = await RaftNode.open({
      id,
      log,
      snapshots,
      machine,
      clock: { nowMs: () => 0, setTimer: () => () => undefined },
      transport: {
        serve: (given) => {
          handler = given
          return Promise.resolve(() => Promise.resolve())
        },
        call: () => Promise.reject(new Error('nobody is there'))
      }
    })
    await node.start()
    if (handler === undefined) throw new Error('not served')
    return new WireScene(node, machine, handler)
  }

  /** Sends bytes on a new stream, in pieces if so asked; returns the first `length` bytes of the answer, or all to the end. */
  async ask(bytes: Uint8Array, length: number | undefined, piece = Infinity): Promise<Uint8Array> {
    const [near, far] = await streamPair()
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
    const served = serveStream(far, {
      handler: this.#handler,
      logger,
      signal: this.#stopping.signal,
      isSender: () => true
    })
    const reader = new ByteReader(readStream(near))
    const sending = send(near, bytes, piece)
    sending.catch(() => undefined)
    if (length !== undefined) await sending
    const answer = length === undefined ? await rest(reader) : await reader.read(length)
    await sending.catch((error: unknown) => {
      // a server that ends the stream need not read all of it
      if (length !== undefined) throw error
    })
    await end(near)
    await served
    return answer
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.node.stop()
  }
}

async function send(stream: Stream, bytes: Uint8Array, piece: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += piece) await writeStream(stream, bytes.subarray(at, at + piece))
}

async function rest(reader: ByteReader): Promise<Uint8Array> {
  try {
    while (await reader.fill()) continue
  } catch {
    // the stream was reset
  }
  return reader.buffered.slice()
}

async function end(stream: Stream): Promise<void> {
  try {
    await stream.close()
  } catch {
    stream.abort(new Error('ended'))
  }
}
