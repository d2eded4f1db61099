import { multiaddr } from '@multiformats/multiaddr'
import { TrackerStatus } from '@cluster/api'
import { testCid } from '@cluster/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServiceScene, type Answer, type Question } from './service.fixture.ts'

interface PinStatus {
  readonly requestid: string
  readonly status: string
  readonly created: string
  readonly pin: { readonly cid: string; readonly name?: string }
  readonly delegates: readonly string[]
}
interface PinResults {
  readonly count: number
  readonly results: readonly PinStatus[]
}

const ALL = 'status=failed,pinned,pinning,queued'

/**
 * The nine checks of `@ipfs-shipyard/pinning-service-compliance`, against content that nobody provides.
 *
 * @see http-apis.md §7
 */
describe('compliance with the pinning service standard', () => {
  const scene = new ServiceScene({ basicAuthCredentials: { admin: 'secret' } })
  let headers: Record<string, string> = {}
  let numberOfPins = 0
  const made: string[] = []

  const ask = (method: string, path: string, question: Question = {}): Promise<Answer> =>
    scene.ask(method, path, { headers, ...question })
  const post = async (n: number, name?: string): Promise<PinStatus> => {
    await scene.clock.advance(1000)
    const cid = testCid(n).toString()
    const body = name === undefined ? { cid } : { cid, name }
    const answer = await ask('POST', '/pins', { body })
    expect(answer.status).toBe(202)
    made.push(cid)
    return answer.json as PinStatus
  }
  const list = async (query: string): Promise<PinResults> => {
    const answer = await ask('GET', `/pins?${query}`)
    expect(answer.status).toBe(200)
    return resultsOf(answer.json)
  }

  beforeAll(async () => {
    scene.pinnedStatus = TrackerStatus.pinning
    scene.ipfsAddresses = [multiaddr('/dns4/ipfs.example/tcp/4001')]
    await scene.open()
    const basic = `Basic ${Buffer.from('admin:secret').toString('base64')}`
    const { json } = await scene.ask('POST', '/token', { headers: { Authorization: basic } })
    headers = { Authorization: `Bearer ${(json as { token: string }).token}` }
    numberOfPins = (await list(ALL)).count
  })
  afterAll(() => scene.close())

  it('1: refuses who has no token', async () => {
    const { status, json } = await scene.ask('GET', '/pins')
    expect([status, json]).toEqual([401, { error: { reason: expect.any(String) as string } }])
  })

  it('2: refuses a token that is none', async () => {
    const wrong = { headers: { Authorization: 'Bearer purposefullyInvalid' } }
    const { status, json } = await scene.ask('GET', '/pins', wrong)
    expect([status, json]).toEqual([401, { error: { reason: expect.any(String) as string } }])
  })

  it('3: adds a pin', async () => {
    const added = statusOf(await post(1))
    expect(['queued', 'pinning', 'pinned']).toContain(added.status)
    expect(added.pin.cid).toBe(testCid(1).toString())
  })

  it('4: deletes a pin that was just made', async () => {
    const { requestid } = await post(2)
    expect((await ask('DELETE', `/pins/${requestid}`)).status).toBe(202)
  })

  it('5: lists all pins', async () => {
    const { count, results } = await list(ALL)
    expect(count).toBe(results.length)
    expect(results.map(({ pin }) => pin.cid)).toContain(testCid(1).toString())
  })

  it('6: replaces a pin', async () => {
    const old = await post(3)
    const cid = testCid(4).toString()
    const answer = await ask('POST', `/pins/${old.requestid}`, { body: { cid } })
    expect(answer.status).toBe(202)
    const fresh = statusOf(answer.json)
    made.push(cid)
    expect([fresh.pin.cid, fresh.requestid === old.requestid]).toEqual([cid, false])
    expect((await ask('GET', `/pins/${old.requestid}`)).status).toBe(404)
    const found = await ask('GET', `/pins/${fresh.requestid}`)
    expect([found.status, statusOf(found.json).pin.cid]).toEqual([200, cid])
  })

  it('7: matches names', async () => {
    const name = 'b2f7Ac1e-5d53-4f0e-8d5c-0b9c1f3a7e21'
    await post(5, name)
    const upper = name.toUpperCase()
    const questions = [
      ['exact', name],
      ['iexact', upper],
      ['partial', name.slice(4, 20)],
      ['ipartial', upper.slice(4, 20)]
    ] as const
    for (const [match, text] of questions) {
      const { count, results } = await list(`match=${match}&name=${text}`)
      expect([match, count, results[0]?.pin.name]).toEqual([match, 1, name])
    }
  })

  it('8: pages', async () => {
    for (let n = 10; n < 25; n++) await post(n)
    expect((await list(ALL)).count).toBeGreaterThanOrEqual(15)
    const first = await list('')
    expect(first.results).toHaveLength(10)
    expect(first.count).toBeGreaterThan(10)
    const oldest = first.results.map(({ created }) => created).sort()[0] ?? ''
    const second = await list(`before=${encodeURIComponent(oldest)}`)
    const ids = new Set(first.results.map(({ requestid }) => requestid))
    expect(second.results.length).toBeGreaterThan(0)
    expect(second.results.filter(({ requestid }) => ids.has(requestid))).toEqual([])
  })

  it('9: deletes all pins that were made', async () => {
    let before: string | undefined
    for (let page = 0; page < 10; page++) {
      const query = before === undefined ? ALL : `${ALL}&before=${encodeURIComponent(before)}`
      const { results } = await list(query)
      if (results.length === 0) break
      for (const { requestid } of results.filter((each) => made.includes(each.requestid))) {
        expect((await ask('DELETE', `/pins/${requestid}`)).status).toBe(202)
      }
      before = results.at(-1)?.created
    }
    expect((await list(ALL)).count).toBe(numberOfPins)
  })
})

/** A `PinStatus` by the schema of the standard. */
function statusOf(json: unknown): PinStatus {
  expect(json).toEqual({
    requestid: expect.any(String) as string,
    status: expect.stringMatching(/^(queued|pinning|pinned|failed)$/) as string,
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    pin: expect.objectContaining({ cid: expect.any(String) as string }) as object,
    delegates: expect.any(Array) as unknown[],
    info: expect.any(Object) as object
  })
  const status = json as PinStatus
  expect(status.delegates.length).toBeGreaterThanOrEqual(1)
  expect(status.delegates.length).toBeLessThanOrEqual(20)
  expect(new Set(status.delegates).size).toBe(status.delegates.length)
  return status
}

/** A `PinResults` by the schema of the standard. */
function resultsOf(json: unknown): PinResults {
  expect(json).toEqual({ count: expect.any(Number) as number, results: expect.any(Array) as unknown[] })
  const { count, results } = json as PinResults
  expect(results.length).toBeLessThanOrEqual(1000)
  return { count, results: results.map(statusOf) }
}
