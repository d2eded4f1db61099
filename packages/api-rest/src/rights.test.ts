import { pinOf } from '@cluster/api'
import { hasRight, RIGHTS } from '@cluster/http'
import { askHttp, LoneCluster, testContext } from '@cluster/testing'
import { restRoutes } from '@cluster/wire'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const other = CID.parse('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')
const users = {
  ...Object.fromEntries(RIGHTS.map((right) => [right, [right]])),
  none: [],
  bob: ['pin', 'add', 'unpin-own']
}
const config = {
  ...restApiConfig.defaults,
  httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
  basicAuthCredentials: Object.fromEntries([...Object.keys(users), 'root'].map((user) => [user, 'word'])),
  userRights: users
}
const cluster = new LoneCluster()
const api = new RestApi({ ...testContext(), cluster }, config)
let port = 0

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  port = Number(api.addresses[0]?.getComponents()[1]?.value)
})
afterAll(() => api.stop())
beforeEach(() => {
  cluster.pinset.clear()
  cluster.paths.set(`/ipfs/${cid.toString()}`, cid)
})

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:word`).toString('base64')}`
const ask = (authorization: string, method: string, path: string, more: object = {}) =>
  askHttp({ port, path, method, headers: { authorization, ...more } })
const as = (user: string, method: string, path: string) => ask(basic(user), method, path)
const ownerOf = (key: CID) => cluster.pinset.get(key.toString())?.metadata?.get('owner')
const pinPath = `/pins/${cid.toString()}`

/** Routes whose answer ends with the client only. */
const endless: readonly string[] = ['/events']

describe('each route needs its right', () => {
  const asked = restRoutes.map((route) => ({
    ...route,
    filled: route.path
      .replace('{keyType}', 'ipfs')
      .replace('{peer}', cluster.self.toString())
      .replace(/\{\w+\}/, cid.toString())
  }))

  it.each(asked)('$method $path: $right', async ({ method, filled, right, path }) => {
    for (const user of [...RIGHTS, 'none', 'root']) {
      const rights = user === 'root' ? undefined : new Set(RIGHTS.filter((each) => each === user))
      const isAllowed = right === 'none' || hasRight({ rights }, right)
      if (isAllowed && endless.includes(path)) continue
      const { status, text } = await as(user, method, filled)
      expect([user, status === 403]).toEqual([user, !isAllowed])
      if (!isAllowed) {
        const message = `forbidden: ${user} has no right to do this: it needs "${right}"`
        expect(JSON.parse(text)).toEqual({ code: 403, message })
      }
    }
  })
})

describe('pins have owners', () => {
  it('which the API sets, whatever the request says', async () => {
    await as('pin', 'POST', `${pinPath}?meta-owner=root&meta-a=b`)
    expect(cluster.pinset.get(cid.toString())?.metadata).toEqual(
      new Map([
        ['owner', 'pin'],
        ['a', 'b']
      ])
    )
    cluster.pinset.clear()
    await as('bob', 'POST', `/pins/ipfs/${cid.toString()}`)
    expect(ownerOf(cid)).toBe('bob')
  })

  it('who alone change and remove them', async () => {
    await as('bob', 'POST', pinPath)
    const mine = await as('pin', 'POST', pinPath)
    expect([mine.status, mine.text]).toEqual([
      403,
      '{"code":403,"message":"forbidden: pin may only change pins of their own"}\n'
    ])
    expect((await as('pin', 'POST', `/pins/ipfs/${cid.toString()}`)).status).toBe(403)
    expect((await as('unpin-own', 'DELETE', pinPath)).status).toBe(403)
    expect((await as('unpin-own', 'DELETE', `/pins/ipfs/${cid.toString()}`)).status).toBe(403)
    expect(ownerOf(cid)).toBe('bob')
    expect((await as('bob', 'POST', `${pinPath}?name=n`)).status).toBe(200)
    expect((await as('bob', 'DELETE', pinPath)).status).toBe(200)
  })

  it('and pins from before have none', async () => {
    cluster.pinset.set(cid.toString(), pinOf(cid))
    expect((await as('bob', 'POST', pinPath)).status).toBe(403)
    expect((await as('bob', 'DELETE', pinPath)).status).toBe(403)
    expect((await as('root', 'DELETE', pinPath)).status).toBe(200)
  })

  it('of which no options are taken by others', async () => {
    cluster.pinset.set(cid.toString(), pinOf(cid))
    expect((await as('bob', 'POST', `/pins/${other.toString()}?pin-update=${cid.toString()}`)).status).toBe(403)
    expect(cluster.pinset.has(other.toString())).toBe(false)
  })

  it('and who may do everything names them, and takes no pin away', async () => {
    await as('root', 'POST', `${pinPath}?meta-owner=bob`)
    expect(ownerOf(cid)).toBe('bob')
    await as('admin', 'POST', `${pinPath}?name=new`)
    expect(ownerOf(cid)).toBe('bob')
    await as('admin', 'POST', `/pins/${other.toString()}`)
    expect(ownerOf(other)).toBe('admin')
    expect((await as('admin', 'DELETE', pinPath)).status).toBe(200)
  })

  it('also after adding', async () => {
    const add = async (user: string, content: string) => {
      const body = `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${content}\r\n--b--\r\n`
      const headers = { authorization: basic(user), 'content-type': 'multipart/form-data; boundary=b' }
      return await askHttp({ port, path: '/add?meta-owner=root', method: 'POST', headers, body })
    }
    const first = await add('bob', 'content')
    const added = CID.parse((JSON.parse(first.text) as { cid: string }).cid)
    const asked = cluster.calls.findLast(([name]) => name === 'content.add')?.[1] as { metadata: Map<string, string> }
    expect(asked.metadata.get('owner')).toBe('bob')
    cluster.pinset.set(added.toString(), pinOf(added, { metadata: new Map([['owner', 'bob']]) }))
    const second = await add('add', 'content')
    expect([second.status, second.text]).toEqual([
      403,
      '{"code":403,"message":"forbidden: add may only change pins of their own"}\n'
    ])
    expect((await add('bob', 'content')).status).toBe(200)
  })
})

describe('tokens', () => {
  const token = async (authorization: string, query = ''): Promise<string> => {
    const { status, text } = await ask(authorization, 'POST', `/token${query}`)
    expect(status).toBe(200)
    return (JSON.parse(text) as { token: string }).token
  }
  const claims = (text: string): unknown => JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString())

  it('carry the rights of their user', async () => {
    const bobs = await token(basic('bob'))
    expect(claims(bobs)).toEqual({ iss: 'bob', rights: ['add', 'pin', 'unpin-own'] })
    expect((await ask(`Bearer ${bobs}`, 'POST', pinPath)).status).toBe(200)
    expect((await ask(`Bearer ${bobs}`, 'GET', '/id')).status).toBe(403)
    expect(claims(await token(basic('root')))).toEqual({ iss: 'root' })
  })

  it('can be made to allow less, and never make another that allows more', async () => {
    const reader = await token(basic('root'), '?rights=read')
    expect(claims(reader)).toEqual({ iss: 'root', rights: ['read'] })
    expect((await ask(`Bearer ${reader}`, 'GET', '/id')).status).toBe(200)
    expect((await ask(`Bearer ${reader}`, 'POST', pinPath)).status).toBe(403)
    expect(claims(await token(`Bearer ${reader}`, '?rights=admin'))).toEqual({ iss: 'root', rights: ['read'] })
    expect(claims(await token(`Bearer ${reader}`, '?rights=pin'))).toEqual({ iss: 'root', rights: [] })
    expect(claims(await token(`Bearer ${reader}`))).toEqual({ iss: 'root', rights: ['read'] })
    const bad = await ask(basic('root'), 'POST', '/token?rights=read,fly')
    expect([bad.status, bad.text]).toEqual([
      400,
      '{"code":400,"message":"rights: fly is none of read, add, pin, unpin-own, admin"}\n'
    ])
  })
})

describe('without rights in the configuration', () => {
  it('pins have no owner', async () => {
    const plain = new RestApi({ ...testContext(), cluster }, { ...config, userRights: {} })
    await plain.beforeStart()
    await plain.start()
    try {
      const own = Number(plain.addresses[0]?.getComponents()[1]?.value)
      const pin = async (authorization: string) =>
        (await askHttp({ port: own, path: pinPath, method: 'POST', headers: { authorization } })).status
      await pin(basic('bob'))
      expect(ownerOf(cid)).toBeUndefined()
      // But a token that does not allow everything keeps what is not its user's.
      const headers = { authorization: basic('bob') }
      const { text } = await askHttp({ port: own, path: '/token?rights=pin', method: 'POST', headers })
      const { token } = JSON.parse(text) as { token: string }
      expect(await pin(`Bearer ${token}`)).toBe(403)
      cluster.pinset.clear()
      expect([await pin(`Bearer ${token}`), ownerOf(cid)]).toEqual([200, 'bob'])
    } finally {
      await plain.stop()
    }
  })
})
