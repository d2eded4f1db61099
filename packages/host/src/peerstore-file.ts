import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { open, readFile, rename, rm } from 'node:fs/promises'
import type { PeerAddresses } from './address-book.ts'
import { HostError } from './host-error.ts'

/** Largest file read: about 100 000 addresses. */
const maxFileLength = 16 * 1024 * 1024

/**
 * Reads the text of a file of saved addresses: one multiaddress per line, in order of priority. Lines that do not
 * begin with `/` are comments.
 *
 * @param bad - called for each line that is no multiaddress
 * @see cli-config.md §4.10
 */
export function parsePeerstore(text: string, bad: (line: string, error: unknown) => void): Multiaddr[] {
  const addresses: Multiaddr[] = []
  for (const line of text.split('\n')) {
    const trimmed = line.trim()
    if (!trimmed.startsWith('/')) continue
    try {
      addresses.push(multiaddr(trimmed))
    } catch (error) {
      bad(trimmed, error)
    }
  }
  return addresses
}

/** The text of a file of saved addresses, peers in the order given. */
export function formatPeerstore(peers: readonly PeerAddresses[]): string {
  return peers
    .flatMap(({ peer, addresses }) => addresses.map((address) => `${address.toString()}/p2p/${peer.toString()}\n`))
    .join('')
}

/**
 * Reads a file of saved addresses; a missing file is empty.
 *
 * @throws HostError `peerstore_file` when it cannot be read or is larger than 16 MiB
 */
export async function readPeerstore(path: string, bad: (line: string, error: unknown) => void): Promise<Multiaddr[]> {
  try {
    const bytes = await readFile(path)
    if (bytes.length > maxFileLength) {
      throw new HostError('peerstore_file', `${path} has ${bytes.length} bytes, at most ${maxFileLength} are read`)
    }
    return parsePeerstore(bytes.toString('utf8'), bad)
  } catch (error) {
    if (error instanceof HostError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new HostError('peerstore_file', `cannot read ${path}: ${String(error)}`, { cause: error })
  }
}

/**
 * Replaces a file of saved addresses, as a whole or not at all.
 *
 * @throws HostError `peerstore_file`
 */
export async function writePeerstore(path: string, peers: readonly PeerAddresses[]): Promise<void> {
  const draft = `${path}.new`
  try {
    const file = await open(draft, 'w', 0o666)
    try {
      await file.writeFile(formatPeerstore(peers))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw new HostError('peerstore_file', `cannot write ${path}: ${String(error)}`, { cause: error })
  }
}
