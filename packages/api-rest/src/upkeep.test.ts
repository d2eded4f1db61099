import { SERVICE_STATES, type Explanation, type Move, type Pages, type Upkeep } from '@cluster/api'
import { askHttp, LoneCluster, testCid, testContext, testPeerId, type HttpAnswer } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const POST = { method: 'POST' } as const
const cid = testCid(1)
const [peer, other] = [testPeerId(1), testPeerId(2)]
const open: RestApi[] = []

afterEach(async () => {
  for (const api of open.splice(0)) await api.stop()
})

/** Says what it was asked, and answers one move each time. */
class RecordingUpkeep implements Upkeep {
  readonly calls: unknown[][] = []
  services = (): ReturnType<Upkeep['services']> => [{ peer, peername: 'one', state: 'cordoned', since: 0n, by: other }]
  setService: Upkeep['setService'] = (of, state) => {
    this.calls.push(['set', of.toString(), state])
    return Promise.resolve({ peer: of, peername: '', state, since: 0n, by: other })
  }
  repair: Upkeep['repair'] = ({ dryRun }) => this.#moves('repair', dryRun)
  drain: Upkeep['drain'] = (of, { dryRun }) => this.#moves('drain', of.toString(), dryRun)
  replace: Upkeep['replace'] = (of, by, { dryRun }) => this.#moves('replace', of.toString(), by.toString(), dryRun)
  rebalance: Upkeep['rebalance'] = ({ dryRun }) => this.#moves('rebalance', dryRun)
  explain: Upkeep['explain'] = ({ cid: of, options }) => {
    this.calls.push(['explain', of?.toString(), options?.replicationFactorMin])
    const explanation: Explanation = {
      cid: of,
      replicationFactorMin: 1,
      replicationFactorMax: 1,
      current: [],
      allocations: [peer],
      error: '',
      peers: []
    }
    return Promise.resolve(explanation)
  }

  async *#moves(...call: unknown[]): Pages<Move> {
    this.calls.push(call)
    yield await Promise.resolve([
      { cid, name: 'n', add: [peer], drop: [other], state: 'moved', reason: 'why', error: '' }
    ])
  }
}

type Ask = (path: string, options?: Parameters<typeof askHttp>[0]) => Promise<HttpAnswer>

async function run(upkeep?: Upkeep): Promise<Ask> {
  const cluster = Object.assign(new LoneCluster(), { upkeep })
  const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
  const api = new RestApi({ ...testContext(), cluster }, { ...restApiConfig.defaults, httpListenMultiaddress: listen })
  await api.beforeStart()
  await api.start()
  open.push(api)
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  return (path, options = {}) => askHttp({ port, path, ...options })
}
const lines = ({ text }: HttpAnswer): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)

describe('the routes below /repair', () => {
  it('tell and take decisions about peers', async () => {
    const upkeep = new RecordingUpkeep()
    const ask = await run(upkeep)
    expect(lines(await ask('/repair/services'))).toMatchObject([{ peername: 'one', state: 'cordoned' }])
    for (const state of SERVICE_STATES) {
      const answer = await ask(`/repair/services/${peer.toString()}?state=${state}`, POST)
      expect(lines(answer)).toMatchObject([{ peer: peer.toString(), state }])
    }
    expect(upkeep.calls).toEqual(SERVICE_STATES.map((state) => ['set', peer.toString(), state]))
    expect((await ask(`/repair/services/${peer.toString()}?state=asleep`, POST)).status).toBe(400)
    expect((await ask('/repair/services/nobody?state=active', POST)).status).toBe(400)
  })

  it('move pins, or tell what would be moved', async () => {
    const upkeep = new RecordingUpkeep()
    const ask = await run(upkeep)
    const [a, b] = [peer.toString(), other.toString()]
    const moved = { cid: cid.toString(), add: [a], drop: [b], state: 'moved', reason: 'why', error: '' }
    for (const path of ['run', `drain/${a}`, `replace/${a}?by=${b}`, 'rebalance?dry-run=true']) {
      const answer = await ask(`/repair/${path}`, POST)
      expect([lines(answer), answer.trailers]).toMatchObject([[moved], { 'x-stream-error': '' }])
    }
    expect(upkeep.calls).toEqual([
      ['repair', false],
      ['drain', a, false],
      ['replace', a, b, false],
      ['rebalance', true]
    ])
    expect((await ask(`/repair/replace/${a}`, POST)).status).toBe(400)
  })

  it('explain pins of the pinset, and imagined ones', async () => {
    const upkeep = new RecordingUpkeep()
    const ask = await run(upkeep)
    expect(lines(await ask('/repair/explain?replication-min=2&replication-max=3'))).toMatchObject([{ cid: null }])
    expect(lines(await ask(`/repair/explain/${cid.toString()}`))).toMatchObject([{ cid: cid.toString() }])
    await ask(`/repair/explain/${cid.toString()}?replication-min=3&replication-max=3`)
    expect(upkeep.calls).toEqual([
      ['explain', undefined, 2],
      ['explain', cid.toString(), undefined],
      ['explain', cid.toString(), 3]
    ])
  })

  it('say so where a core has no upkeep', async () => {
    const ask = await run()
    const answer = await ask('/repair/services')
    expect([answer.status, answer.text]).toEqual([500, '{"code":500,"message":"this peer does not look after pins"}\n'])
  })
})
