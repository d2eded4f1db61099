import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parsePeerstore, readPeerstore, writePeerstore } from './peerstore-file.ts'

const id = '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5'
const peers = [
  { peer: peerIdFromString(id), addresses: [multiaddr('/dns4/a.org/tcp/1'), multiaddr('/ip4/1.2.3.4/tcp/2')] }
]
const text = `/dns4/a.org/tcp/1/p2p/${id}\n/ip4/1.2.3.4/tcp/2/p2p/${id}\n`
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerstore-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe('the peerstore file', () => {
  it('is read as it was written', async () => {
    const path = join(folder, 'peerstore')
    await writePeerstore(path, peers)
    expect(await readFile(path, 'utf8')).toBe(text)
    const bad: string[] = []
    const read = await readPeerstore(path, (line) => bad.push(line))
    expect(read.map((address) => `${address.toString()}\n`).join('')).toBe(text)
    expect(bad).toEqual([])
  })

  it('takes old and Windows forms, skips comments, reports bad lines', () => {
    const bad: string[] = []
    const read = parsePeerstore(`# x\r\n\r\n/ip4/1.2.3.4/tcp/2/ipfs/${id}\r\nhello\r\n/ip4/1\r\n`, (line) =>
      bad.push(line)
    )
    expect(read.map(String)).toEqual([`/ip4/1.2.3.4/tcp/2/p2p/${id}`])
    expect(bad).toEqual(['/ip4/1'])
  })

  it('is empty when missing, too large above 16 MiB', async () => {
    const path = join(folder, 'peerstore')
    expect(await readPeerstore(path, () => undefined)).toEqual([])
    await writeFile(path, '')
    await truncate(path, 16 * 1024 * 1024 + 1)
    await expect(readPeerstore(path, () => undefined)).rejects.toMatchObject({ code: 'peerstore_file' })
  })

  it('keeps the old content when it cannot be written, and leaves nothing behind', async () => {
    await expect(readPeerstore(folder, () => undefined)).rejects.toMatchObject({ code: 'peerstore_file' })
    await expect(writePeerstore(folder, peers)).rejects.toMatchObject({ code: 'peerstore_file' })
    await expect(writePeerstore(join(folder, 'none', 'peerstore'), peers)).rejects.toMatchObject({
      code: 'peerstore_file'
    })
    expect(await readdir(folder)).toEqual([])
  })
})
