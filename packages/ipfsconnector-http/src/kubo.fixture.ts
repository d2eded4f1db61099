import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Block } from '@cluster/api'
import {
  FakeKubo,
  memoryCounters,
  settle,
  testContext,
  type LogLine,
  type MemoryCounters,
  type TestContext
} from '@cluster/testing'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, onTestFinished } from 'vitest'
import { httpConfig, type HttpConfig } from './config.ts'
import { KuboIpfs } from './kubo-ipfs.ts'

const vectors = new URL('../../testing/vectors/cli/kubo-texts.json', import.meta.url)
/** What a real Kubo answered, by the names of `kubo-texts.json`. */
export const { answers } = JSON.parse(readFileSync(vectors, 'utf8')) as { readonly answers: Record<string, string> }

/** A connector, and what it was made with. */
export interface Connected {
  readonly ipfs: KuboIpfs
  readonly context: TestContext
  readonly metrics: MemoryCounters
}

export function connect(address: Multiaddr, config: Partial<HttpConfig> = {}): Connected {
  const metrics = memoryCounters()
  const context = testContext({ metrics })
  const ipfs = new KuboIpfs(context, { ...httpConfig.defaults, nodeMultiaddress: address, ...config })
  return { ipfs, context, metrics }
}

export const addressOf = (kubo: FakeKubo): Multiaddr => multiaddr(`/ip4/127.0.0.1/tcp/${kubo.port}`)

/** A connector at a daemon in memory; when the test is over both are stopped, and must have left no timer. */
export async function setUp(
  config: Partial<HttpConfig> = {}
): Promise<Connected & { readonly kubo: FakeKubo; readonly clock: TestContext['clock'] }> {
  const kubo = await FakeKubo.listen(answers)
  const connected = connect(addressOf(kubo), config)
  const { clock } = connected.context
  onTestFinished(async () => {
    await connected.ipfs.stop()
    expect(clock.pending).toBe(0)
    await kubo.close()
  })
  return { ...connected, kubo, clock }
}

export function blockOf(text: string, code = 0x55): Block {
  const bytes = new TextEncoder().encode(text)
  const hash = new Uint8Array(createHash('sha256').update(bytes).digest())
  return { cid: CID.createV1(code, digest.create(0x12, hash)), bytes }
}

/** Real sockets are read and written here, which no clock knows of. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle()
}

export const texts = (lines: readonly LogLine[]): string[] => lines.map(({ text }) => text)
