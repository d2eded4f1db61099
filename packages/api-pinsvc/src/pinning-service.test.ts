import { ClusterError, pinOf } from '@cluster/api'
import { testCid } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import type { PinsvcConfig } from './config.ts'
import { PinningService, pinsvcConfig } from './index.ts'
import { ServiceScene } from './service.fixture.ts'

const scenes: ServiceScene[] = []
async function open(config: Partial<PinsvcConfig> = {}): Promise<ServiceScene> {
  const scene = new ServiceScene(config)
  scenes.push(scene)
  await scene.open()
  return scene
}
afterEach(async () => {
  await Promise.all(scenes.splice(0).map((scene) => scene.close()))
})
const cid = testCid(1).toString()
const basic = (user: string, password: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
})
const reasonOf = (json: unknown): string => (json as { error: { reason: string } }).error.reason

describe('the Pinning Service API', () => {
  it('says so when it listens, and serves on several addresses', async () => {
    const any = multiaddr('/ip4/127.0.0.1/tcp/0')
    const scene = await open({ httpListenMultiaddress: [any, any, any] })
    expect(scene.service.addresses).toHaveLength(3)
    for (const address of scene.service.addresses) {
      const { status } = await fetch(`http://127.0.0.1:${address.getComponents()[1]?.value ?? ''}/health`)
      expect(status).toBe(204)
    }
  })

  it('tells whose port is in use', async () => {
    const scene = await open()
    const [address] = scene.service.addresses
    const other = new ServiceScene({ httpListenMultiaddress: address === undefined ? [] : [address] })
    await expect(other.open()).rejects.toMatchObject({ code: 'BUSY' })
    await other.service.stop()
  })

  it('answers errors of the cluster with 500, and not as if the pin were not there', async () => {
    const scene = await open()
    scene.cluster.failures.set('statuses.status', new ClusterError('REMOTE', 'no answer'))
    scene.cluster.failures.set('pins.pin', new ClusterError('NOT_ENOUGH_PEERS', 'not enough peers'))
    expect(await scene.ask('GET', `/pins/${cid}`)).toMatchObject({
      status: 500,
      json: { error: { reason: 'no answer' } }
    })
    const added = await scene.ask('POST', '/pins', { body: { cid } })
    expect(added).toMatchObject({ status: 500, json: { error: { reason: 'not enough peers' } } })
  })

  it.each([
    ['{"cid":1}', 'cid: expected a CID as text'],
    ['[]', 'expected an object'],
    ['null', 'expected an object'],
    [`{"cid":"${cid}","name":1}`, 'name: expected a text'],
    [`{"cid":"${cid}","origins":"/ip4/1.2.3.4"}`, 'origins: expected a list'],
    [`{"cid":"${cid}","origins":[1]}`, 'origins: expected a list of multiaddresses'],
    [`{"cid":"${cid}","meta":[]}`, 'meta: expected an object'],
    [`{"cid":"${cid}","meta":{"a":{}}}`, 'the value of "a" is no string'],
    [`{"cid":"${cid}","meta":{"a":"${'x'.repeat(1024 * 1024)}"}}`, 'the body is longer than'],
    ['{"cid":"', 'error decoding request body']
  ])('refuses the body %.40s', async (body, reason) => {
    const scene = await open()
    const answer = await scene.ask('POST', '/pins', { body })
    expect([answer.status, reasonOf(answer.json)]).toEqual([400, expect.stringContaining(reason)])
    expect(scene.cluster.pinset.size).toBe(0)
  })

  it('keeps what stands in the body apart from what objects have by themselves', async () => {
    const scene = await open()
    const body = `{"CID":"${cid}","Name":"n","meta":{"__proto__":"x","constructor":"y"},"more":1}`
    expect((await scene.ask('POST', '/pins', { body })).status).toBe(202)
    const { json } = await scene.ask('GET', `/pins/${cid}`)
    expect(JSON.stringify(json)).toContain('"meta":{"__proto__":"x","constructor":"y"}')
    const meta = encodeURIComponent('{"__proto__":"x"}')
    expect((await scene.ask('GET', `/pins?meta=${meta}`)).json).toMatchObject({ count: 1 })
  })

  it('takes names of 255 characters, however many bytes they are', async () => {
    const scene = await open()
    for (const [name, status] of [
      ['n'.repeat(255), 202],
      ['n'.repeat(256), 400],
      ['🦊'.repeat(255), 202],
      ['🦊'.repeat(256), 400]
    ] as const) {
      expect((await scene.ask('POST', '/pins', { body: { cid, name } })).status).toBe(status)
    }
  })

  it('gives pins of one second times of their own, which pages end between', async () => {
    const scene = await open()
    for (let n = 0; n < 30; n++) await scene.ask('POST', '/pins', { body: { cid: testCid(n).toString() } })
    const seen: string[] = []
    let before = ''
    for (let page = 0; page < 10; page++) {
      const { json } = await scene.ask('GET', `/pins?limit=7${before}`)
      const { results } = json as { results: { requestid: string; created: string }[] }
      if (results.length === 0) break
      seen.push(...results.map(({ requestid }) => requestid))
      before = `&before=${encodeURIComponent(results.at(-1)?.created ?? '')}`
    }
    expect(seen).toHaveLength(30)
    expect(new Set(seen).size).toBe(30)
  })

  it('shows and removes a pin that it has accepted before the pinset has it', async () => {
    const scene = await open()
    await scene.ask('POST', '/pins', { body: { cid, name: 'soon' } })
    const pin = scene.cluster.pinset.get(cid)
    scene.cluster.pinset.delete(cid)
    expect((await scene.ask('GET', `/pins/${cid}`)).json).toMatchObject({ status: 'queued', pin: { name: 'soon' } })
    expect((await scene.ask('GET', '/pins?name=soon')).json).toMatchObject({ count: 1 })
    const removed = scene.ask('DELETE', `/pins/${cid}`)
    while (scene.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    if (pin !== undefined) scene.cluster.pinset.set(cid, pin)
    await scene.clock.advance(100)
    expect((await removed).status).toBe(202)
    expect((await scene.ask('GET', `/pins/${cid}`)).status).toBe(404)
    expect((await scene.ask('DELETE', `/pins/${cid}`)).status).toBe(404)
  })

  it('lets users do what they may, with their own pins', async () => {
    const credentials = { root: 'r', ann: 'a', bob: 'b' }
    const rights = { ann: ['read', 'pin', 'unpin-own'], bob: ['read'] }
    const scene = await open({ basicAuthCredentials: credentials, userRights: rights })
    const [root, ann, bob] = [basic('root', 'r'), basic('ann', 'a'), basic('bob', 'b')]
    const theirs = testCid(2).toString()
    expect((await scene.ask('POST', '/pins', { headers: root, body: { cid: theirs } })).status).toBe(202)
    expect((await scene.ask('POST', '/pins', { headers: ann, body: { cid } })).status).toBe(202)
    expect((await scene.ask('POST', '/pins', { headers: bob, body: { cid: theirs } })).status).toBe(403)
    expect((await scene.ask('GET', '/pins', { headers: bob })).json).toMatchObject({ count: 2 })
    const refused = await scene.ask('DELETE', `/pins/${theirs}`, { headers: ann })
    expect([refused.status, reasonOf(refused.json)]).toEqual([403, 'forbidden: ann may only change pins of their own'])
    expect((await scene.ask('POST', `/pins/${theirs}`, { headers: ann, body: { cid } })).status).toBe(403)
    expect((await scene.ask('DELETE', `/pins/${cid}`, { headers: ann })).status).toBe(202)
    expect((await scene.ask('DELETE', `/pins/${theirs}`, { headers: root })).status).toBe(202)
  })

  it('tells nothing of passwords, whatever is tried', async () => {
    const scene = await open({ basicAuthCredentials: { admin: 'secret' } })
    for (let attempt = 0; attempt < 50; attempt++) {
      const headers = attempt % 2 === 0 ? basic('admin', `guess${attempt}`) : { Authorization: `Bearer a.b.${attempt}` }
      const { status, text } = await scene.ask('GET', '/pins', { headers })
      expect(status).toBe(401)
      expect(text).not.toMatch(/secret|admin/)
    }
  })

  it('answers with what fits a listing of nothing, also after a stop and a start', async () => {
    const scene = await open()
    scene.cluster.pinset.set(cid, pinOf(testCid(1)))
    expect((await scene.ask('GET', `/pins?cid=${cid},${cid}`)).json).toMatchObject({ count: 1 })
    await scene.service.stop()
    await scene.service.stop()
    expect(scene.service.addresses).toEqual([])
  })
})

describe('the section api.pinsvcapi', () => {
  it('names what is wrong', () => {
    const load = (json: object) => () => pinsvcConfig.load(json, {}, '.')
    expect(load({ user_rights: { eve: ['read'] } })).toThrow('pinsvcapi.user_rights: there is no user "eve"')
    expect(load({ id: '12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo' })).toThrow('all ID, private_key')
    expect(load({ basic_auth_credentials: {} })).toThrow('pinsvcapi.basic_auth_creds should be null')
  })

  it('listens where the reference does', () => {
    expect(pinsvcConfig.defaults.httpListenMultiaddress.map(String)).toEqual(['/ip4/127.0.0.1/tcp/9097'])
    expect(PinningService.name).toBe('PinningService')
  })
})
