import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askHttp, LoneCluster, ManualClock, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig, type RestApiConfig } from './index.ts'

const START_MS = Date.parse('2026-01-01')
const admin = `Basic ${Buffer.from('admin:secret').toString('base64')}`
const bob = `Basic ${Buffer.from('bob:word').toString('base64')}`
const bearer = (token: string): string => `Bearer ${token}`
const open: RestApi[] = []
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokens-'))
})
afterEach(async () => {
  for (const api of open.splice(0)) await api.stop()
  await rm(folder, { recursive: true })
})

async function run(config: Partial<RestApiConfig> = {}) {
  const clock = new ManualClock(START_MS)
  const context = { ...testContext({ clock, baseDir: folder }), cluster: new LoneCluster() }
  const api = new RestApi(context, {
    ...restApiConfig.defaults,
    httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
    basicAuthCredentials: { admin: 'secret', bob: 'word' },
    ...config
  })
  await api.beforeStart()
  await api.start()
  open.push(api)
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const post = (path: string, authorization: string, body = '') =>
    askHttp({ port, path, method: 'POST', headers: { authorization }, body })
  const token = async (authorization: string, query = ''): Promise<string> =>
    (JSON.parse((await post(`/token${query}`, authorization)).text) as { token: string }).token
  const status = async (authorization: string): Promise<number> =>
    (await askHttp({ port, path: '/version', headers: { authorization } })).status
  return { api, clock, post, token, status }
}

describe('expiry', () => {
  it('ends a token at its time', async () => {
    const { clock, token, status } = await run()
    const short = await token(admin, '?expires-in=1h')
    await clock.advance(3_599_000)
    expect(await status(bearer(short))).toBe(200)
    await clock.advance(1000)
    expect(await status(bearer(short))).toBe(401)
  })

  it('is that of the configuration, and no longer', async () => {
    const { clock, token, status, post } = await run({ tokenLifetimeMs: 60_000 })
    const plain = await token(admin)
    expect((await post('/token?expires-in=61s', admin)).text).toBe(
      '{"code":400,"message":"expires-in: tokens last 60 s at most"}\n'
    )
    await clock.advance(60_000)
    expect(await status(bearer(plain))).toBe(401)
  })

  it('cannot be put off with the token itself', async () => {
    const { clock, token, status } = await run()
    const short = await token(admin, '?expires-in=1m')
    await clock.advance(30_000)
    const next = await token(bearer(short), '?expires-in=1h')
    expect(await status(bearer(next))).toBe(200)
    await clock.advance(30_000)
    expect(await status(bearer(next))).toBe(401)
  })

  it.each(['0', '-1h', '999ms', 'soon', '1'])('is refused when it is %s', async (text) => {
    const { post } = await run()
    const { status, text: body } = await post(`/token?expires-in=${text}`, admin)
    expect([status, body]).toEqual([400, expect.stringContaining('expires-in: ')])
  })
})

describe('revocation', () => {
  it('ends a token at once and after a restart, and a new one is different', async () => {
    const first = await run()
    const plain = await first.token(admin)
    expect((await first.post('/token/revoke', bearer(plain))).status).toBe(204)
    expect(await first.status(bearer(plain))).toBe(401)
    expect(await readFile(join(folder, 'revoked-tokens'), 'utf8')).toMatch(/^[0-9a-f]{64} 0\n$/)
    await first.api.stop()

    const second = await run()
    expect(await second.status(bearer(plain))).toBe(401)
    const next = await second.token(admin)
    expect(await second.status(bearer(next))).toBe(200)
    expect(next).not.toBe(plain)
  })

  it('takes a token in the body, of the same user only, and leaves others alone', async () => {
    const { post, token, status } = await run()
    const [one, two] = [await token(bob, '?expires-in=1h'), await token(bob, '?expires-in=1h')]
    const body = JSON.stringify({ token: one })
    const refused = await post('/token/revoke', admin, body)
    expect([refused.status, refused.text]).toEqual([401, expect.stringContaining('of another user')])
    expect((await post('/token/revoke', bob, body)).status).toBe(204)
    expect([await status(bearer(one)), await status(bearer(two))]).toEqual([401, 200])
    expect((await post('/token/revoke', bob, body)).status).toBe(204)
  })

  it.each([
    ['', 'token: missing'],
    ['{}', 'token: missing'],
    ['{"token":1}', 'token: missing'],
    ['null', 'token: missing'],
    ['x', 'error decoding request body'],
    ['{"token":"a.b.c"}', 'not a valid token']
  ])('refuses the body %j', async (body, message) => {
    const { post } = await run()
    const { status, text } = await post('/token/revoke', admin, body)
    expect([status, text]).toEqual([400, expect.stringContaining(message)])
  })

  it('forgets tokens that have expired', async () => {
    const { clock, post, token } = await run()
    await post('/token/revoke', bearer(await token(admin, '?expires-in=1m')))
    await clock.advance(60_000)
    await post('/token/revoke', bearer(await token(admin)))
    expect(await readFile(join(folder, 'revoked-tokens'), 'utf8')).toMatch(/^[0-9a-f]{64} 0\n$/)
  })

  it('keeps all that are revoked at the same time', async () => {
    const { post, token } = await run()
    const tokens = await Promise.all(Array.from({ length: 20 }, () => token(admin, '?expires-in=1h')))
    await Promise.all(tokens.map((each) => post('/token/revoke', bearer(each))))
    expect((await readFile(join(folder, 'revoked-tokens'), 'utf8')).trim().split('\n')).toHaveLength(20)
  })

  it('does not start with a list that it cannot read', async () => {
    await writeFile(join(folder, 'revoked-tokens'), `${'a'.repeat(64)} 0\nrubbish\n`)
    await expect(run()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('line 2') as string
    })
  })

  it('says when the list cannot be written, and refuses the token all the same', async () => {
    const { post, token, status } = await run({ revokedTokensFile: 'no/such/folder/list' })
    const plain = await token(admin)
    expect((await post('/token/revoke', bearer(plain))).status).toBe(500)
    expect(await status(bearer(plain))).toBe(401)
  })

  it('is nothing where nobody has to authenticate', async () => {
    const { post } = await run({ basicAuthCredentials: null })
    expect((await post('/token/revoke', admin)).text).toBe('{"code":401,"message":"unauthorized"}\n')
  })
})
