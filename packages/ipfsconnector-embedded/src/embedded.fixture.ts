import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Block } from '@cluster/api'
import { MemoryDatastore, MemoryExchangeHub, settle, type TestContext, testContext, testPeerId } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, onTestFinished } from 'vitest'
import { embeddedConfig, type EmbeddedConfig } from './config.ts'
import { type EmbeddedContext, EmbeddedIpfs } from './embedded-ipfs.ts'

/** A connector, and what it was made with. */
export interface Peer {
  ipfs: EmbeddedIpfs
  context: TestContext
  baseDir: string
  datastore: MemoryDatastore
}

let nextPeer = 1

export async function makePeer(
  hub: MemoryExchangeHub,
  config: Partial<EmbeddedConfig> = {},
  before?: Peer,
  more: Partial<EmbeddedContext> = {}
): Promise<Peer> {
  const self = testPeerId(nextPeer++)
  const baseDir = before?.baseDir ?? (await mkdtemp(join(tmpdir(), 'embedded-')))
  const context = testContext({ self, baseDir })
  const datastore = before?.datastore ?? new MemoryDatastore()
  const settings = { ...embeddedConfig.defaults, gatewayListenMultiaddress: [], ...config }
  const ipfs = new EmbeddedIpfs({ ...context, datastore, exchange: hub.join(self), ...more }, settings)
  return { ipfs, context, baseDir, datastore }
}

export async function startPeer(...args: Parameters<typeof makePeer>): Promise<Peer> {
  const peer = await makePeer(...args)
  onTestFinished(async () => {
    await peer.ipfs.stop({})
    expect(peer.context.clock.pending).toBe(0)
    await rm(peer.baseDir, { recursive: true, force: true })
  })
  await peer.ipfs.beforeStart()
  peer.ipfs.start()
  return peer
}

export function blockOf(text: string): Block {
  const bytes = new TextEncoder().encode(text)
  const hash = new Uint8Array(createHash('sha256').update(bytes).digest())
  return { cid: CID.createV1(0x55, digest.create(0x12, hash)), bytes }
}

/** A hub that counts how often a peer asked another for a block. */
export function countingHub(): { readonly hub: MemoryExchangeHub; readonly asked: () => number } {
  let asked = 0
  const hub = new MemoryExchangeHub(() => {
    asked += 1
    return true
  })
  return { hub, asked: () => asked }
}

/** A dag-pb node with links that have no names. */
export function nodeOf(links: readonly CID[]): Block {
  const bytes = Uint8Array.from(links.flatMap(({ bytes: hash }) => [0x12, hash.length + 2, 0x0a, hash.length, ...hash]))
  const hash = new Uint8Array(createHash('sha256').update(bytes).digest())
  return { cid: CID.createV1(0x70, digest.create(0x12, hash)), bytes }
}

export async function gc({ ipfs }: Peer): Promise<string[]> {
  return (await Array.fromAsync(ipfs.repoGC({}))).map(({ key, error }) => key?.toString() ?? error)
}

/** Real files are read and written here, which no clock knows of. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle()
}
