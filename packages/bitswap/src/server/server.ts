import type { Logger } from '@libp2p/interface'
import { prefixOf, type WireCid } from '../cid/parse.ts'
import type { OutgoingBlock, OutgoingMessage, OutgoingPresence, WantlistEntry } from '../wire/message.ts'
import { type BitswapBlockstore, BlockReader } from './block-reader.ts'
import { Engine, type EngineSettings, type Task } from './engine.ts'

/** Whose turn it is when a block is read that is no answer to a peer. */
const OURSELVES = ''

/** An answer with its blocks read. */
export interface Response {
  readonly message: OutgoingMessage
  readonly tasks: readonly Task[]
}

/** The engine with a blockstore beside it: looks up what peers want, and reads what they are sent. */
export class Server {
  readonly engine: Engine
  readonly #reader: BlockReader

  constructor(
    settings: EngineSettings & { readonly blockstoreConcurrency: number },
    blockstore: BitswapBlockstore,
    wake: (peer: string) => void,
    signal: AbortSignal,
    log?: Logger
  ) {
    this.engine = new Engine(settings, wake)
    this.#reader = new BlockReader(blockstore, settings.blockstoreConcurrency, signal, log)
  }

  /** Takes in a want list; done when its blocks were looked up. */
  async received(peer: string, entries: readonly WantlistEntry[], full: boolean): Promise<void> {
    const wants = this.engine.received(peer, entries, full)
    await Promise.all(
      wants.map(async (want) => {
        this.engine.found(peer, want, await this.#reader.size(peer, want.cid))
      })
    )
  }

  /** The block is in the store. @param bytes - its size, if it is known; else it is looked up */
  async announced(cid: WireCid, bytes: number | undefined): Promise<void> {
    if (!this.engine.isWanted(cid.key)) return
    const size = bytes ?? (await this.#reader.size(OURSELVES, cid))
    if (size !== undefined) this.engine.announced(cid.key, size)
  }

  /** The block from the store; `undefined` when it is not there. */
  async read(cid: WireCid): Promise<Uint8Array | undefined> {
    return await this.#reader.get(OURSELVES, cid)
  }

  /** Reads the blocks of the next message to the peer; `undefined` when there is nothing to send. */
  async next(peer: string): Promise<Response | undefined> {
    for (let envelope = this.engine.next(peer); envelope !== undefined; envelope = this.engine.next(peer)) {
      const blocks: OutgoingBlock[] = []
      const presences: OutgoingPresence[] = []
      const answered: Task[] = []
      const unanswered: Task[] = []
      const data = await Promise.all(
        envelope.tasks.map(async ({ want, answer }) =>
          answer === 'block' ? await this.#reader.get(peer, want.cid) : undefined
        )
      )
      for (const [index, planned] of envelope.tasks.entries()) {
        const bytes = data[index]
        const task = planned.answer === 'block' && bytes === undefined ? this.engine.vanished(planned) : planned
        if (task === undefined) {
          unanswered.push(planned)
          continue
        }
        answered.push(task)
        const { cid } = task.want
        if (task.answer !== 'block') presences.push({ cid: cid.bytes, type: task.answer })
        else if (bytes !== undefined) blocks.push({ prefix: prefixOf(cid), data: bytes })
      }
      this.engine.failed(peer, unanswered)
      if (answered.length === 0) continue
      return { message: { blocks, presences, pendingBytes: envelope.pendingBytes }, tasks: answered }
    }
    return undefined
  }
}
