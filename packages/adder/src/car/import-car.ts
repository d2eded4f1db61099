import { ClusterError, type AddedOutput, type FileEntry } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import type { BlockSink } from '../send/block-sink.ts'
import { untilAborted } from '../until-aborted.ts'
import { readCar } from './read-car.ts'
import { IDENTITY, verifyBlock } from './verify-block.ts'

/**
 * Adds the blocks of a CAR file: the first entry, which must be a file. Each root is pinned; it need not be among the
 * blocks. CIDs that carry their content are not sent: there is nothing to store.
 *
 * @throws {ClusterError} `BAD_REQUEST` for a broken file or a block that is not what its CID says
 * @see behaviours.md §6.12
 */
export async function* importCar(
  entries: AsyncIterable<FileEntry>,
  sink: BlockSink
): AsyncGenerator<AddedOutput, void, undefined> {
  for await (const entry of untilAborted(entries, sink.signal)) {
    if (entry.type !== 'file') throw bad('expected CAR file is not of type file')
    yield* importFile(entry.path.split('/').at(0) ?? '', entry.content, sink)
    return
  }
  throw bad('no files to add')
}

async function* importFile(
  name: string,
  content: AsyncIterable<Uint8Array>,
  sink: BlockSink
): AsyncGenerator<AddedOutput, void, undefined> {
  await using car = await readCar(untilAborted(content, sink.signal))
  const roots = distinct(car.roots)
  if (roots.size === 0) throw bad('empty car, no roots')
  const fileSizes = new Map<string, bigint>()
  let bytes = 0
  let blocks = 0
  for await (const block of car.blocks) {
    const node = verifyBlock(block)
    bytes += node.bytes.length
    blocks++
    const key = node.cid.toString()
    if (roots.has(key)) fileSizes.set(key, node.fileSize)
    if (node.cid.multihash.code === IDENTITY) await sink.open()
    else await sink.put(node)
    yield* sink.takeEvents()
  }
  if (blocks === 0) throw bad('car file has no blocks')
  for (const [key, cid] of roots) {
    const { allocations } = sink
    yield { name, cid, bytes: BigInt(bytes), size: fileSizes.get(key) ?? 0n, allocations }
  }
  await sink.roots([...roots.values()])
  yield* sink.takeEvents()
}

function distinct(cids: readonly CID[]): ReadonlyMap<string, CID> {
  return new Map(cids.map((cid) => [cid.toString(), cid]))
}

const bad = (text: string): ClusterError => new ClusterError('BAD_REQUEST', text)
