import { parseTimestamp, TrackerStatus, type PinOptions } from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { recording } from './recording.fixture.ts'

// The rows of http-apis.md §11 that say something of a client: what it sends, and what it makes of the answer.

const TOKEN = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhZG1pbiJ9.M6IlVhzrvxAzhBmZ2XudPr_8WShHZR64S4kzrhKnLkE'
const unpinned = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('rows of the acceptance table', () => {
  it('1, 2: basic authentication asks for a token', async () => {
    const { client, seen } = recording(200, `{"token":"${TOKEN}"}\n`, { username: 'admin', password: 'secret' })
    expect(await client.token()).toBe(TOKEN)
    expect(seen[0]).toMatchObject({ method: 'POST', headers: { authorization: 'Basic YWRtaW46c2VjcmV0' } })
    expect(seen[0]?.url.href).toBe('http://host/token')
  })

  it('3: the token is shown', async () => {
    const { client, seen } = recording(200, '{"version":"1.1.6"}\n', { token: TOKEN })
    await client.version()
    expect(seen[0]?.headers).toEqual({ authorization: `Bearer ${TOKEN}` })
  })

  it.each([
    ['4', 401, 'unauthorized: invalid token', 'UNAUTHORIZED'],
    ['5', 401, 'unauthorized: no auth provided', 'UNAUTHORIZED'],
    ['13', 404, 'not found', 'REFUSED'],
    ['16', 400, 'invalid filter value', 'REFUSED'],
    ['20', 404, 'pin is not part of the pinset', 'REFUSED'],
    ['22', 400, 'parameter replication-min invalid', 'REFUSED']
  ])('%s: %i %s', async (_row, status, message, code) => {
    const { client } = recording(status, `${JSON.stringify({ code: status, message })}\n`)
    await expect(client.allocation(unpinned)).rejects.toMatchObject({ code, status, message })
    await expect(collect(client.statusAll())).rejects.toMatchObject({ code, status, message })
  })

  it('6, 7: health without an answer; the graph is refused', async () => {
    await recording(204).client.health()
    const { client } = recording(401, '{"code":401,"message":"unauthorized: no auth provided"}\n')
    await expect(client.connectGraph()).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  it('14: a refusal without a body', async () => {
    await expect(recording(405).client.version()).rejects.toMatchObject({ code: 'REFUSED', status: 405 })
  })

  it('18: a filter by types', async () => {
    const { client, seen } = recording(204)
    await collect(client.allocations({ types: [2] }))
    expect(seen[0]?.url.search).toBe('?filter=pin')
  })

  it('19: an empty pinset', async () => {
    const { client } = recording(204)
    expect(await collect(client.allocations())).toEqual([])
    expect(await collect(client.statusAll())).toEqual([])
  })

  it('21: what nobody has pinned has a status', async () => {
    const peers = '{"12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J":{"peername":"one","status":"unpinned"}}'
    const { client } = recording(200, `{"cid":"${unpinned.toString()}","name":"","peer_map":${peers}}\n`)
    const { peerMap } = await client.status(unpinned)
    expect([...(peerMap ?? [])].map(([, { status }]) => status)).toEqual([TrackerStatus.unpinned])
  })

  it('the last: options in the query', async () => {
    const { client, seen } = recording(200, `{"cid":"${unpinned.toString()}"}\n`)
    const options: Partial<PinOptions> = {
      expireAt: parseTimestamp('2030-01-02T03:04:05.6Z'),
      metadata: new Map([['app', 'x y']]),
      name: 'my pin & co',
      replicationFactorMin: 2,
      replicationFactorMax: 3,
      userAllocations: [
        peerIdFromString('12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo'),
        peerIdFromString('12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6')
      ]
    }
    await client.pin(unpinned, options)
    expect(seen[0]?.url.search).toBe(
      '?expire-at=2030-01-02T03%3A04%3A05.6Z&meta-app=x+y&mode=recursive&name=my+pin+%26+co&replication-max=3&replication-min=2&shard-size=0&user-allocations=12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo%2C12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6'
    )
  })
})
