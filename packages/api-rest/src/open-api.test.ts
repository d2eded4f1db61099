import { pinOf } from '@cluster/api'
import { askHttp, LoneCluster, testContext } from '@cluster/testing'
import { restRoutes, type RestRoute } from '@cluster/wire'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'
import { openApiDocument } from './open-api.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly { name: string; in: string; required?: boolean; example?: string; schema: object }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> }
  readonly responses: Readonly<
    Record<string, { description: string; content?: Readonly<Record<string, { schema: JsonSchema }>> }>
  >
}
interface JsonSchema {
  readonly $ref?: string
  readonly anyOf?: readonly JsonSchema[]
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema
  readonly required?: readonly string[]
  readonly items?: JsonSchema
}

const document = JSON.parse(JSON.stringify(openApiDocument(true))) as unknown as {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
)

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const cluster = new LoneCluster()
const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
const api = new RestApi({ ...testContext(), cluster }, { ...restApiConfig.defaults, httpListenMultiaddress: listen })
let port = 0

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  port = Number(api.addresses[0]?.getComponents()[1]?.value)
})
afterAll(() => api.stop())
beforeEach(() => {
  cluster.pinset.set(cid.toString(), pinOf(cid))
  cluster.paths.set(`/ipfs/${cid.toString()}`, cid)
})

/** What of a value does not fit its schema. */
function misfits(value: unknown, schema: JsonSchema, at = '$'): string[] {
  if (schema.$ref !== undefined) return misfits(value, document.components.schemas[schema.$ref.slice(21)] ?? {}, at)
  if (schema.anyOf !== undefined) {
    const each = schema.anyOf.map((one) => misfits(value, one, at))
    return each.find((found) => found.length === 0) ?? each.flat()
  }
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  const wanted = schema.type === undefined ? [type] : [schema.type].flat()
  if (!wanted.includes(type) && !(Number.isInteger(value) && wanted.includes('integer'))) return [`${at}: ${type}`]
  if (schema.enum?.includes(value) === false) return [`${at}: ${String(value)}`]
  if (Array.isArray(value)) return value.flatMap((item, i) => misfits(item, schema.items ?? {}, `${at}[${i}]`))
  if (typeof value !== 'object' || value === null) return []
  const missing = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${at}.${key}: missing`)
  const inside = Object.entries(value).flatMap(([key, item]) =>
    misfits(item, schema.properties?.[key] ?? schema.additionalProperties ?? {}, `${at}.${key}`)
  )
  const unknown =
    schema.properties === undefined ? [] : Object.keys(value).filter((key) => !(key in (schema.properties ?? {})))
  return [...missing, ...inside, ...unknown.map((key) => `${at}.${key}: not described`)]
}

describe('the OpenAPI document', () => {
  it('describes each route once', () => {
    expect(document.openapi).toBe('3.1.1')
    const described = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    expect(described.sort()).toEqual(restRoutes.map(({ path, method }) => `${method} ${path}`).sort())
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(restRoutes.length)
  })

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)]
    expect(references.length).toBeGreaterThan(restRoutes.length)
    const missing = references.filter(([, name = '']) => !(name in document.components.schemas))
    expect(missing).toEqual([])
  })

  it.each(operations.map((one) => [`${one.method} ${one.path}`, one] as const))('is whole: %s', (_, one) => {
    const { path, operation } = one
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const inPath = operation.parameters.filter((parameter) => parameter.in === 'path')
    expect(inPath.map(({ name }) => name)).toEqual(named)
    for (const { required, example, schema } of inPath) {
      expect([required, example !== '', Object.keys(schema).length > 0]).toEqual([true, true, true])
    }
    const names = operation.parameters.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(operation.operationId).toMatch(/^\w+$/)
    for (const { description } of Object.values(operation.responses)) expect(description).not.toBe('')
  })

  it.each(operations.map((one) => [`${one.method} ${one.path}`, one] as const))('holds: %s', async (_, one) => {
    const { path, method, operation } = one
    const filled = operation.parameters
      .filter((parameter) => parameter.in === 'path')
      .reduce((text, { name, example = '' }) => text.replace(`{${name}}`, example), path)
    const example = operation.requestBody?.content['application/json']?.example
    const body = example === undefined ? {} : { body: JSON.stringify(example) }
    const answer = await askHttp({ port, path: filled, method: method.toUpperCase(), ...body })
    const response = operation.responses[String(answer.status)] ?? operation.responses['default']
    const content = response?.content ?? {}
    if (answer.text === '') {
      expect(content).toEqual({})
      return
    }
    const type = answer.headers['content-type']?.split(';')[0] ?? ''
    expect(Object.keys(content)).toEqual([type])
    if (type !== 'application/json') return
    const values = answer.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    for (const value of values) expect(misfits(value, content[type]?.schema ?? {})).toEqual([])
  })

  it('is answered, and says nothing of users where there are none', async () => {
    const { status, text } = await askHttp({ port, path: '/openapi.json' })
    expect([status, JSON.parse(text)]).toMatchObject([200, { security: [] }])
    expect(text).not.toContain('"401"')
    expect(openApiDocument(true)).toMatchObject({ security: [{ basic: [] }, { bearer: [] }] })
  })
})

describe('the page', () => {
  it('shows each route with its parameters, and needs no network', async () => {
    const { text, headers } = await askHttp({ port, path: '/docs' })
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    const routes: readonly RestRoute[] = restRoutes
    for (const { method, path, query = [] } of routes) {
      expect(text).toContain(`<b>${method}</b> <code>${path}</code>`)
      for (const { name } of query) expect(text).toContain(`<code>${name.replace('<key>', '&lt;key&gt;')}</code>`)
    }
    expect(text).not.toMatch(/<script|<link|<img|https?:/)
  })
})
