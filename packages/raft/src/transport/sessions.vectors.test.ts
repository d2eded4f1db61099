import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MemoryLog, MemorySnapshots } from '../node/memory.fixture.ts'
import { WireScene } from './scene.fixture.ts'

interface Exchange {
  readonly n: number
  readonly request: string
  readonly data?: string
  /** Null where the peer was killed before it answered. */
  readonly response: string | null
}

const vectors = new URL('../../../testing/vectors/raft/', import.meta.url)
function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, vectors), 'utf8'))
}
const join = read('follower-session-join.json') as {
  readonly exchanges: readonly Exchange[]
  readonly finalLog: { readonly lastIndex: number; readonly currentTerm: number }
}
const again = read('follower-session-reinstall.json') as Readonly<
  Record<'first' | 'second', { readonly exchanges: readonly Exchange[] }>
>
const { peers } = read('identities.json') as { readonly peers: Readonly<Record<string, { readonly id: string }>> }
const id = peers['D']?.id ?? ''

async function replay(scene: WireScene, exchanges: readonly Exchange[]): Promise<void> {
  for (const { n, request, data = '', response } of exchanges) {
    if (response === null) continue
    const answer = await scene.ask(Buffer.from(request + data, 'hex'), response.length / 2)
    expect(Buffer.from(answer).toString('hex'), `exchange ${n}`).toBe(response)
  }
}

test('a peer that joins, and falls behind twice, answers as the Go peer did', async () => {
  const log = new MemoryLog()
  const snapshots = new MemorySnapshots()
  const first = await WireScene.open(id, log, snapshots)
  await replay(first, join.exchanges)
  expect(first.node.state).toMatchObject({ lastIndex: join.finalLog.lastIndex, term: join.finalLog.currentTerm })
  await first.close()
  expect(log.getStable().term).toBe(join.finalLog.currentTerm)

  const second = await WireScene.open(id, log, snapshots)
  await replay(second, again.first.exchanges)
  await second.close()

  const third = await WireScene.open(id, log, snapshots)
  await replay(third, again.second.exchanges)
  const last = again.second.exchanges.findLast(({ data }) => data !== undefined)
  expect(Buffer.from(third.machine.restored?.bytes ?? []).toString('hex')).toBe(last?.data)
  await third.close()
})
