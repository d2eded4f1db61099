import { randomBytes } from 'node:crypto'
import { ClusterError, type IpfsCounters, type Logger, type NodeWithMeta } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { parseCid, readValue } from '../daemon/answers.ts'
import type { KuboClient } from '../daemon/kubo-client.ts'
import { codecName, hashName } from './multicodec-names.ts'
import { IDENTITY, verifyBlock } from './verify-block.ts'
import type { Watchdog } from '../daemon/watchdog.ts'

/** What a stream of blocks is sent with. */
export interface PutOptions {
  readonly client: KuboClient
  /** Stands still while the source of the blocks is waited for. */
  readonly watchdog: Watchdog
  readonly log: Pick<Logger, 'warn'>
  readonly counters: IpfsCounters | undefined
}

const putAnswer = z.object({ Key: z.string() })

/**
 * Sends a stream of blocks to the daemon, in one multipart request for all that have the same hash function. Each is
 * verified before it is sent. The first failure ends the stream.
 *
 * @throws {ClusterError} what the source throws; `CORRUPT`; `BAD_REQUEST` for an empty stream; `IPFS`
 * @see behaviours.md §5.7
 */
export async function putBlocks(blocks: AsyncIterable<NodeWithMeta>, options: PutOptions): Promise<void> {
  const source = new BlockSource(blocks, options.watchdog)
  try {
    let first = await source.next()
    if (first === undefined && source.taken === 0) {
      throw new ClusterError('BAD_REQUEST', 'BlockStream: no blocks to peek in blocks channel')
    }
    while (first !== undefined) {
      const request = new PutRequest(first, source)
      await request.send(options)
      first = request.next
    }
  } catch (error) {
    throw source.failure === undefined ? error : source.failure.error
  } finally {
    source.close()
  }
}

/** The blocks one by one; remembers what ended them. */
class BlockSource {
  readonly #iterator: AsyncIterator<NodeWithMeta>
  readonly #watchdog: Watchdog
  /** What the source threw, or a block that is not what it says. */
  failure: { readonly error: unknown } | undefined
  taken = 0
  #isOver = false

  constructor(blocks: AsyncIterable<NodeWithMeta>, watchdog: Watchdog) {
    this.#iterator = blocks[Symbol.asyncIterator]()
    this.#watchdog = watchdog
  }

  /** The next block that must be stored. Those of the identity function are in their CIDs already. */
  async next(): Promise<NodeWithMeta | undefined> {
    this.#watchdog.pause()
    try {
      for (;;) {
        const result = await this.#iterator.next()
        if (result.done === true) {
          this.#isOver = true
          return undefined
        }
        const { value } = result
        this.taken += 1
        verifyBlock(value.cid, value.data)
        if (value.cid.multihash.code !== IDENTITY) return value
      }
    } catch (error) {
      this.failure ??= { error }
      throw error
    } finally {
      this.#watchdog.resume()
    }
  }

  /** Lets the source clean up. It may be in the middle of waiting, so nobody waits for it. */
  close(): void {
    if (!this.#isOver) void Promise.resolve(this.#iterator.return?.()).catch(() => undefined)
  }
}

/** One request: the blocks from `first` up to one with another hash function. */
class PutRequest {
  readonly #first: NodeWithMeta
  readonly #source: BlockSource
  readonly #boundary = randomBytes(16).toString('hex')
  /** Multihashes sent and not confirmed yet. */
  readonly #unconfirmed = new Map<string, number>()
  #sent = 0
  #confirmed = 0
  /** The block that needs a request of its own. */
  next: NodeWithMeta | undefined

  constructor(first: NodeWithMeta, source: BlockSource) {
    this.#first = first
    this.#source = source
  }

  async send({ client, watchdog, log, counters }: PutOptions): Promise<void> {
    const { cid } = this.#first
    const { size } = cid.multihash
    const call = `block/put?allow-big-block=true&cid-codec=${codecName(cid)}&mhlen=${size}&mhtype=${hashName(cid)}&pin=false`
    const ended = new AbortController()
    const signal = AbortSignal.any([watchdog.signal, ended.signal])
    counters?.blocksPut.increment()
    try {
      const answers = client.lines(call, {
        signal,
        isLong: true,
        body: this.#parts(watchdog, counters),
        contentType: `multipart/form-data; boundary=${this.#boundary}`
      })
      for await (const answer of answers) {
        watchdog.progress()
        for (const line of answer) this.#confirm(readValue(call, line, putAnswer).Key, log)
      }
      if (this.#confirmed < this.#sent) {
        throw new ClusterError('IPFS', `IPFS confirmed ${this.#confirmed} of ${this.#sent} blocks (${call})`)
      }
    } catch (error) {
      counters?.blocksPutErrors.increment()
      throw error
    } finally {
      ended.abort()
    }
  }

  async *#parts(watchdog: Watchdog, counters: IpfsCounters | undefined): AsyncGenerator<Uint8Array> {
    const { code, size } = this.#first.cid.multihash
    for (let block: NodeWithMeta | undefined = this.#first; block !== undefined; block = await this.#source.next()) {
      const { multihash } = block.cid
      if (multihash.code !== code || multihash.size !== size) {
        this.next = block
        break
      }
      this.#sent += 1
      const key = keyOf(block.cid)
      this.#unconfirmed.set(key, (this.#unconfirmed.get(key) ?? 0) + 1)
      watchdog.progress()
      yield Buffer.from(
        `--${this.#boundary}\r\n` +
          `Content-Disposition: form-data; name="file"; filename="${block.cid.toString()}"\r\n` +
          'Content-Type: application/octet-stream\r\n\r\n'
      )
      yield block.data
      counters?.blocksAdded.increment()
      counters?.blocksAddedSize.increment(block.data.length)
      yield Buffer.from('\r\n')
    }
    yield Buffer.from(`--${this.#boundary}--\r\n`)
  }

  #confirm(text: string, log: PutOptions['log']): void {
    this.#confirmed += 1
    const key = keyOf(parseCid(text))
    const count = this.#unconfirmed.get(key)
    if (count === undefined) {
      log.warn(`blockPut response CID (${text}) does not match the multihash of any blocks sent`)
    } else if (count === 1) this.#unconfirmed.delete(key)
    else this.#unconfirmed.set(key, count - 1)
  }
}

function keyOf({ multihash }: CID): string {
  return Buffer.from(multihash.bytes).toString('latin1')
}
