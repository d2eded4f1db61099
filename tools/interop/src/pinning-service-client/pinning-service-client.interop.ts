import {
  Configuration,
  RemotePinningServiceClient,
  Status,
  TextMatchingStrategy
} from '@ipfs-shipyard/pinning-service-client'
import { freePort } from '@cluster/processes'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LonePeer } from '../lone-peer.ts'

describe('@ipfs-shipyard/pinning-service-client', () => {
  let peer: LonePeer
  let client: RemotePinningServiceClient
  const cids: string[] = []

  beforeAll(async () => {
    const port = await freePort(0)
    peer = await LonePeer.start({
      CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${port}`,
      CLUSTER_PINSVCAPI_BASICAUTHCREDENTIALS: 'admin:secret'
    })
    const endpointUrl = `http://127.0.0.1:${port}`
    const headers = { Authorization: `Basic ${btoa('admin:secret')}` }
    const { token } = (await (await fetch(`${endpointUrl}/token`, { method: 'POST', headers })).json()) as {
      token: string
    }
    client = new RemotePinningServiceClient(new Configuration({ endpointUrl, accessToken: token }))
    for (const text of ['one', 'two', 'three']) {
      const body = new FormData()
      body.append('file', new Blob([text]), `${text}.txt`)
      const added = await fetch(`${peer.restUrl}add?no-pin=true&cid-version=1`, { method: 'POST', body })
      cids.push((JSON.parse(await added.text()) as { cid: string }).cid)
    }
  })
  afterAll(() => peer[Symbol.asyncDispose]())

  it('pinsPost, pinsRequestidGet', async () => {
    for (const [at, cid] of cids.entries()) {
      const made = await client.pinsPost({ pin: { cid, name: `Name ${at}`, meta: { at: String(at) } } })
      expect(made).toMatchObject({ requestid: cid, status: Status.Queued, pin: { cid, name: `Name ${at}` } })
      expect(made.created).toBeInstanceOf(Date)
      await vi.waitFor(async () => {
        expect((await client.pinsRequestidGet({ requestid: cid })).status).toBe(Status.Pinned)
      })
    }
  })

  it('pinsGet with each filter', async () => {
    const all = await client.pinsGet({})
    expect([all.count, all.results.map(({ pin }) => pin.cid).sort()]).toEqual([3, [...cids].sort()])
    const count = async (query: Parameters<typeof client.pinsGet>[0]) => (await client.pinsGet(query)).count
    const [, second = ''] = cids
    expect(await count({ cid: [second] })).toBe(1)
    expect(await count({ name: 'Name 1' })).toBe(1)
    expect(await count({ name: 'name 1', match: TextMatchingStrategy.Iexact })).toBe(1)
    expect(await count({ name: 'NAME', match: TextMatchingStrategy.Ipartial })).toBe(3)
    expect(await count({ status: [Status.Failed, Status.Queued] })).toBe(0)
    expect(await count({ status: [Status.Pinned] })).toBe(3)
    expect(await count({ after: new Date(0), before: new Date(Date.now() + 60_000) })).toBe(3)
    expect(await count({ before: new Date(0) })).toBe(0)
    const page = await client.pinsGet({ limit: 2 })
    const last = page.results.at(-1)?.created
    expect(await count({ ...(last === undefined ? {} : { before: last }) })).toBe(1)
  })

  it('pinsRequestidPost, pinsRequestidDelete', async () => {
    const [first = '', second = '', third = ''] = cids
    await client.pinsRequestidDelete({ requestid: third })
    const replaced = await client.pinsRequestidPost({ requestid: second, pin: { cid: third, name: 'instead' } })
    expect(replaced).toMatchObject({ requestid: third, pin: { name: 'instead' } })
    await expect(client.pinsRequestidGet({ requestid: second })).rejects.toHaveProperty('status', 404)
    for (const requestid of [first, third]) await client.pinsRequestidDelete({ requestid })
    expect((await client.pinsGet({})).count).toBe(0)
  })
})
