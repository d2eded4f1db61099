import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterError } from '@cluster/api'
import { askHttp, LoneCluster, settle, testContext, type HttpAnswer, type TestContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { failureOf, RestApi, restApiConfig, type RestApiConfig } from './index.ts'

const open: { stop(): void | Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one.stop()
})

type Ask = (path: string, options?: Parameters<typeof askHttp>[0]) => Promise<HttpAnswer>

async function run(config: Partial<RestApiConfig> = {}, started = true, overrides: Partial<TestContext> = {}) {
  const cluster = new LoneCluster()
  const context = testContext(overrides)
  const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
  const api = new RestApi(
    { ...context, cluster },
    { ...restApiConfig.defaults, httpListenMultiaddress: listen, ...config }
  )
  await api.beforeStart()
  if (started) await api.start()
  open.push(api)
  const ask: Ask = (path, options = {}) => askHttp({ port: portOf(api), path, ...options })
  return { api, cluster, context, ask }
}

const portOf = (api: RestApi): number => Number(api.addresses[0]?.getComponents()[1]?.value)

describe('life', () => {
  it('is bound before the start, and answers from it', async () => {
    const { api, ask } = await run({}, false)
    let answered = false
    const asking = ask('/version').then((answer) => {
      answered = true
      return answer.status
    })
    await settle()
    expect(answered).toBe(false)
    await api.start()
    expect(await asking).toBe(200)
  })

  it('says where it listens', async () => {
    const { api, context } = await run({ basicAuthCredentials: { admin: 'secret' } })
    const texts = context.lines.filter(({ level }) => level === 'info').map(({ text }) => text)
    expect(texts).toEqual([`RESTAPI (HTTP - authenticated): /ip4/127.0.0.1/tcp/${portOf(api)}`])
  })

  it('names a port that is taken, and leaves nothing open', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    open.push({ stop: () => void other.close() })
    const listen = [0, port].map((wanted) => multiaddr(`/ip4/127.0.0.1/tcp/${wanted}`))
    const starting = run({ httpListenMultiaddress: listen })
    await expect(starting).rejects.toMatchObject({
      code: 'BUSY',
      message: expect.stringContaining(String(port)) as string
    })
  })

  it('stops twice, without a start, and while a request waits', async () => {
    const { api, ask } = await run({}, false)
    const asking = ask('/version')
    await settle()
    await api.stop({ signal: AbortSignal.abort() })
    await api.stop()
    await expect(asking).rejects.toThrow()
  })

  it('listens on a Unix socket as well', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rest-'))
    open.push({ stop: () => rm(folder, { recursive: true }) })
    const path = join(folder, 'api')
    const { api } = await run({ httpListenMultiaddress: [multiaddr(`/unix/${encodeURIComponent(path)}`)] })
    expect(api.addresses.map(String)).toEqual([`/unix/${encodeURIComponent(path)}`])
    expect((await askHttp({ socketPath: path, path: '/version' })).status).toBe(200)
  })
})

describe('access', () => {
  it('needs the credentials of the configuration', async () => {
    const { ask } = await run({ basicAuthCredentials: { admin: 'secret' }, headers: { 'X-Team': ['red'] } })
    const denied = await ask('/version')
    expect([denied.status, denied.headers['x-team']]).toEqual([401, 'red'])
    const authorization = `Basic ${Buffer.from('admin:secret').toString('base64')}`
    const granted = await ask('/version', { headers: { authorization } })
    expect([granted.status, granted.headers['x-team']]).toEqual([200, 'red'])
    expect((await ask('/health')).status).toBe(204)
  })

  it('is logged to the file of the configuration', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rest-'))
    open.push({ stop: () => rm(folder, { recursive: true }) })
    const file = join(folder, 'access.log')
    await writeFile(file, 'before\n')
    const { api, ask } = await run({ httpLogFile: 'access.log' }, true, { baseDir: folder })
    await ask('/version?a=1')
    await api.stop()
    expect(await readFile(file, 'utf8')).toMatch(
      /^before\n127\.0\.0\.1 - - \[.*\] "GET \/version\?a=1 HTTP\/1\.1" 200 20\n$/
    )
    const impossible = run({ httpLogFile: 'no/such/folder/access.log' }, true, { baseDir: folder })
    await expect(impossible).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it('is logged by the logger otherwise', async () => {
    const { api, ask, context } = await run()
    await ask('/health')
    await api.stop()
    expect(context.lines.filter(({ facility }) => facility === 'restapilog')).toHaveLength(1)
  })
})

describe('errors', () => {
  it('become statuses by their code, and by the one text that Go peers know', () => {
    expect(failureOf(new ClusterError('REMOTE', 'pin is not part of the pinset')).status).toBe(404)
    expect(failureOf(new ClusterError('FOLLOWER', 'write operations are disabled')).status).toBe(500)
    expect(failureOf(new ClusterError('BAD_REQUEST', 'x')).status).toBe(400)
    expect(failureOf('text')).toEqual({ status: 500, message: 'text' })
  })

  it('are logged with what is answered', async () => {
    const { ask, context, cluster } = await run()
    cluster.failures.set('members.id', new Error('out of order'))
    expect((await ask('/id')).text).toBe('{"code":500,"message":"out of order"}\n')
    expect(context.lines.map(({ text }) => text)).toContain('sending error response: 500: out of order')
  })
})
