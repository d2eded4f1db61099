import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { votersOf } from '../configuration.ts'
import { EntryType } from '../entry.ts'
import { MemoryLog, MemorySnapshots } from '../node/memory.fixture.ts'
import { encodeConfiguration } from '../wire/configuration.ts'
import { sealEntry } from '../wire/entry.ts'
import { IndexMachine, WireScene } from './scene.fixture.ts'

interface Case {
  readonly name: string
  readonly request: string
  readonly response: string
  readonly closedByPeer: boolean
}

const vectors = new URL('../../../testing/vectors/raft/', import.meta.url)
const { cases, self } = JSON.parse(readFileSync(new URL('handcrafted.json', vectors), 'utf8')) as {
  readonly cases: readonly Case[]
  readonly self: string
}
const identities = JSON.parse(readFileSync(new URL('identities.json', vectors), 'utf8')) as {
  readonly peers: Readonly<Record<string, { readonly id: string }>>
}

/** A follower of term 6 with 15 entries, all committed, that voted for the sender. */
let scene: WireScene
beforeAll(async () => {
  const log = new MemoryLog()
  const ids = ['A', 'B'].map((name) => identities.peers[name]?.id ?? '')
  const data = encodeConfiguration(votersOf([...ids, self]))
  const rest = { extensions: undefined, appendedAt: undefined }
  const entries = Array.from({ length: 15 }, (_, at) =>
    at === 0
      ? sealEntry({ index: 1, term: 1, type: EntryType.configuration, data, ...rest })
      : sealEntry({ index: at + 1, term: at < 10 ? 3 : 6, type: EntryType.command, data: undefined, ...rest })
  )
  await log.append(entries)
  await log.setStable({ term: 6, voteTerm: 6, vote: self })
  scene = await WireScene.open(ids[0] ?? '', log, new MemorySnapshots(), new IndexMachine(15))
  const heartbeat = cases.find(({ name }) => name === 'heartbeat')
  // the leader is known
  await scene.ask(Buffer.from(heartbeat?.request ?? '', 'hex'), (heartbeat?.response.length ?? 0) / 2)
})
afterAll(async () => {
  await scene.close()
})

test.for(cases)('$name', async ({ request, response, closedByPeer }) => {
  const length = closedByPeer ? undefined : response.length / 2
  const bytes = Buffer.from(request, 'hex')
  expect(Buffer.from(await scene.ask(bytes, length)).toString('hex')).toBe(response)
  expect(Buffer.from(await scene.ask(bytes, length, 7)).toString('hex')).toBe(response)
  expect(scene.node.state).toMatchObject({ term: 6, lastIndex: 15, commitIndex: 15, leader: self })
})
