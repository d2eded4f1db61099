import { ClusterError, isClusterError } from '@cluster/api'
import { limitReader, readBlockHead, readHeader } from '@ipld/car/decoder'
import type { CID } from 'multiformats/cid'
import { SourceFailure, StreamBytes } from './stream-bytes.ts'

/** Longest block: what an IPFS node stores. A header is held to the same limit, which is enough for 100,000 roots. */
const MAX_BLOCK_BYTES = 4 * 1024 * 1024
/** Longest length and CID in front of a block. */
const HEAD_BYTES = 8

/** A block as the file says it is. */
export interface CarBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** An open CAR file; disposing of it lets its source go. */
export interface Car extends AsyncDisposable {
  readonly roots: readonly CID[]
  /** In the order of the file; nothing is verified yet. */
  readonly blocks: AsyncGenerator<CarBlock, void, undefined>
}

/**
 * Reads a CAR file of version 1 or 2 as a stream.
 *
 * @throws {ClusterError} `BAD_REQUEST` for what is no CAR file, `LIMIT` for blocks above 4 MiB; so do the blocks
 * @see behaviours.md §6.12
 */
export async function readCar(content: AsyncIterable<Uint8Array>): Promise<Car> {
  const stream = new StreamBytes(content, MAX_BLOCK_BYTES)
  const close = (): Promise<void> => stream.close()
  try {
    const { roots, reader } = await headOf(stream)
    return { roots, blocks: blocksOf(reader), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

async function headOf(stream: StreamBytes): Promise<{ roots: readonly CID[]; reader: Reader }> {
  if ((await fromSource(stream.upTo(1))).length === 0) throw bad('EOF')
  const header = await asBadRequest(() => readHeader(stream))
  if (header.version === 1) return { roots: header.roots, reader: stream }
  const headerBytes = stream.pos - header.dataOffset
  return { roots: header.roots, reader: limitReader(stream, header.dataSize - headerBytes) }
}

/** What the source threw, as it threw it. */
async function fromSource<T>(read: Promise<T>): Promise<T> {
  try {
    return await read
  } catch (error) {
    throw error instanceof SourceFailure ? error.cause : error
  }
}

type Reader = Parameters<typeof readBlockHead>[0]

async function* blocksOf(reader: Reader): AsyncGenerator<CarBlock, void, undefined> {
  for (;;) {
    const start = await fromSource(reader.upTo(HEAD_BYTES))
    // A section without length ends the file, as padding does.
    if (start.length === 0 || start[0] === 0) return
    const { cid, blockLength } = await asBadRequest(() => readBlockHead(reader))
    if (blockLength < 0) throw bad('invalid CAR: a section is shorter than its CID')
    yield { cid, bytes: await asBadRequest(() => reader.exactly(blockLength, true)) }
  }
}

/** Errors of the library, with the texts of the reference where there is one. */
async function asBadRequest<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof SourceFailure) throw cause.cause
    if (isClusterError(cause)) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    if (text === 'Unexpected end of data' || cause instanceof RangeError) throw bad('unexpected EOF', cause)
    const [, version] = /^Invalid CAR version: (\d+)/.exec(text) ?? []
    throw bad(version === undefined ? `invalid CAR: ${text}` : `invalid car version: ${version}`, cause)
  }
}

function bad(text: string, cause?: unknown): ClusterError {
  return new ClusterError('BAD_REQUEST', text, cause === undefined ? {} : { cause })
}
