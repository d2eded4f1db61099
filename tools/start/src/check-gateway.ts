import { TrackerStatus, type GlobalPinInfo } from '@cluster/api'
import { createReadStream } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Added } from './add-content.ts'
import type { RunningPeer } from './three-peers.ts'

/**
 * Reads a file back through the gateway of another peer than the one that took it, and compares it byte by byte with
 * the original.
 *
 * @returns the link to what was added
 */
export async function checkGateway(
  peers: readonly RunningPeer[],
  addedAt: RunningPeer,
  added: Added,
  status: GlobalPinInfo,
  signal: AbortSignal
): Promise<string> {
  const holders = [...(status.peerMap?.values() ?? [])].filter((entry) => entry.status === TrackerStatus.pinned)
  const other = peers.find(({ name }) => name !== addedAt.name && holders.some(({ peername }) => peername === name))
  if (other === undefined) throw new Error('no other peer has what was added')
  const link = `${other.gatewayUrl}/ipfs/${added.cid.toString()}`
  const [file] = added.items
  if (file?.cid === undefined) return link
  // The first item is the file itself, or the first file of a folder, whose name begins with that of the folder.
  const path = join(dirname(resolve(added.path)), file.name)
  const inFolder = added.items.length > 1
  const url = inFolder ? `${link}/${file.name.split('/').slice(1).map(encodeURIComponent).join('/')}` : link
  const response = await fetch(url, { signal })
  if (!response.ok || response.body === null)
    throw new Error(`${url}: ${response.status.toString()} ${await response.text()}`)
  await compare(response.body, createReadStream(path), url)
  return link
}

async function compare(got: AsyncIterable<Uint8Array>, wanted: AsyncIterable<Uint8Array>, url: string): Promise<void> {
  const differs = (): Error => new Error(`${url}: not the bytes that were added`)
  const reader = wanted[Symbol.asyncIterator]()
  let rest = new Uint8Array(0)
  for await (let bytes of got) {
    while (bytes.length > 0) {
      if (rest.length === 0) {
        const next = await reader.next()
        if (next.done === true) throw differs()
        rest = new Uint8Array(next.value)
      }
      const length = Math.min(bytes.length, rest.length)
      if (Buffer.compare(bytes.subarray(0, length), rest.subarray(0, length)) !== 0) throw differs()
      bytes = bytes.subarray(length)
      rest = rest.subarray(length)
    }
  }
  if (rest.length > 0 || (await reader.next()).done !== true) throw differs()
}
