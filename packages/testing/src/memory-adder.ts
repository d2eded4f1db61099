import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { pinOf, type Adder, type AddedOutput, type NodeWithMeta } from '@cluster/api'

/** The codec of raw blocks. */
const RAW = 0x55

/** An adder that makes one raw block of each file and pins the last: small, but it uses its target as a real one does. */
export const memoryAdder: Adder = {
  async *add(entries, params, target, options): AsyncGenerator<AddedOutput, CID> {
    const nodes: (NodeWithMeta & { readonly name: string })[] = []
    for await (const entry of entries) {
      if (entry.type !== 'file') continue
      const parts: Uint8Array[] = []
      for await (const part of entry.content) parts.push(part)
      const data = new Uint8Array(Buffer.concat(parts))
      const cid = CID.createV1(RAW, await sha256.digest(data))
      nodes.push({ cid, data, cumSize: BigInt(data.length), name: entry.path })
    }
    const root = nodes.at(-1)
    if (root === undefined) throw new Error('nothing to add')
    const allocations = await target.blockAllocate(pinOf(root.cid, params), options)
    async function* blocks(): AsyncGenerator<NodeWithMeta> {
      for (const { cid, data, cumSize } of nodes) yield await Promise.resolve({ cid, data, cumSize })
    }
    await Promise.all(allocations.map((peer) => target.blockStream(peer, blocks(), options)))
    for (const { name, cid, cumSize } of nodes) yield { name, cid, bytes: 0n, size: cumSize, allocations }
    await target.pin({ ...pinOf(root.cid, params), allocations }, options)
    return root.cid
  }
}
