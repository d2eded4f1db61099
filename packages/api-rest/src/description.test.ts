import { Validator } from '@seriousme/openapi-schema-validator'
import { askHttp, LoneCluster, testContext } from '@cluster/testing'
import { restRoutes } from '@cluster/wire'
import { multiaddr } from '@multiformats/multiaddr'
import { JSDOM, VirtualConsole } from 'jsdom'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'
import { openApiDocument } from './open-api.ts'

type Spec = Parameters<Validator['validate']>[0]

const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
const api = new RestApi(
  { ...testContext(), cluster: new LoneCluster() },
  { ...restApiConfig.defaults, httpListenMultiaddress: listen }
)
let port = 0

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  port = Number(api.addresses[0]?.getComponents()[1]?.value)
})
afterAll(() => api.stop())

describe('the OpenAPI document', () => {
  it.each([true, false])('is valid OpenAPI 3.1, with users: %s', async (hasUsers) => {
    const validator = new Validator()
    const document = JSON.parse(JSON.stringify(openApiDocument(hasUsers))) as Spec
    expect(await validator.validate(document)).toMatchObject({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  it('is what is served', async () => {
    const { text } = await askHttp({ port, path: '/openapi.json' })
    expect(await new Validator().validate(JSON.parse(text) as Spec)).toMatchObject({ valid: true })
  })

  it('would not be valid with a mistake', async () => {
    const broken = { ...openApiDocument(true), paths: { '/id': { get: { responses: 'none' } } } }
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false })
  })
})

describe('the page in a browser', () => {
  it('is whole, and asks nobody for anything', async () => {
    // Whatever the page would load, it would load from here.
    const asked: string[] = []
    const { text, headers } = await askHttp({ port, path: '/docs' })
    const server = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(200, { 'content-type': headers['content-type'] ?? '' })
      response.end(request.url === '/docs' ? text : '')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' ? String(address?.port) : ''}`
    const faults: unknown[] = []
    const virtualConsole = new VirtualConsole().on('jsdomError', (fault) => faults.push(fault))
    try {
      const page = await JSDOM.fromURL(`${origin}/docs`, {
        resources: 'usable',
        runScripts: 'dangerously',
        pretendToBeVisual: true,
        virtualConsole
      })
      const { document } = page.window
      if (document.readyState !== 'complete') await once(page.window, 'load')
      expect(document.title).toBe('IPFS Cluster REST API')
      const shown = [...document.querySelectorAll('details > summary')].map((each) => each.textContent)
      expect(shown).toHaveLength(restRoutes.length)
      for (const { method, path } of restRoutes) {
        expect(shown.some((each) => each.startsWith(`${method} ${path} `))).toBe(true)
      }
      const [first] = document.querySelectorAll('details')
      first?.querySelector('summary')?.click()
      expect(first?.open).toBe(true)
      page.window.close()
    } finally {
      server.close()
    }
    expect([asked, faults]).toEqual([['/docs'], []])
  })
})
