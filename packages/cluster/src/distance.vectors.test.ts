import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { closestAmong } from './distance.ts'

interface Expiry {
  readonly scenario: 'expiry'
  readonly peer_ids: Readonly<Record<string, string>>
  readonly unpinned_by: Readonly<Record<string, readonly string[]>>
}

it('NX-1, V1: names the peers that Go peers saw act on expired pins', async () => {
  const file = new URL('../../testing/vectors/cli/status-scenarios.json', import.meta.url)
  const { scenarios } = JSON.parse(await readFile(file, 'utf8')) as { scenarios: readonly { scenario: string }[] }
  const expiry = scenarios.find((entry): entry is Expiry => entry.scenario === 'expiry')
  const peers = Object.entries(expiry?.peer_ids ?? {}).map(([name, text]) => ({ name, id: peerIdFromString(text) }))
  const ids = peers.map(({ id }) => id)
  const acting = Object.keys(expiry?.unpinned_by ?? {}).map((text) => [
    text,
    peers.filter(({ id }) => closestAmong(id, ids)(CID.parse(text))).map(({ name }) => name)
  ])
  expect(acting).toHaveLength(6)
  expect(Object.fromEntries(acting)).toEqual(expiry?.unpinned_by)
})
