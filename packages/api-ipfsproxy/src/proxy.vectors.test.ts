import { askHttp, type HttpAnswer } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProxyScene } from './proxy.fixture.ts'

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly json?: unknown
  readonly ndjson?: readonly unknown[]
  readonly newline?: boolean
}
interface Case {
  readonly name: string
  readonly api?: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  readonly response: Answer
  readonly wanted?: Answer | readonly Answer[]
  readonly loose?: Readonly<Record<string, string>>
  readonly volatile?: readonly string[]
}

const url = new URL('../../testing/vectors/http/proxy.json', import.meta.url)
const cases = JSON.parse(readFileSync(url, 'utf8')) as readonly Case[]
/** What the proxy answers without content: the rest needs a real daemon, and is replayed with one. */
const alone =
  /^(pin (ls|add|update|rm)\/(?!trailing|two segments|HEAD|DELETE|OPTIONS)|passthrough\/unclean|add\/(no |bad |array error|only-hash [pc])|repo stat|repo gc nothing|cors\/(hijacked|cleanup))/
const inScope = cases.filter(
  ({ name, api }) =>
    api === undefined && alone.test(name) && name !== 'add/no name' && !name.startsWith('repo stat pass')
)

const COMPARED = [
  'content-type',
  'vary',
  'location',
  'trailer',
  'x-chunked-output',
  'cache-control',
  'server',
  'access-control-allow-origin',
  'access-control-expose-headers'
]
const dir = 'QmeN21vwo3ukxKrHZuVK34YBKuvR8pCJevTCM5WVRVb7qE'
const hello = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
let scene: ProxyScene
let port: number

beforeAll(async () => {
  scene = await ProxyScene.open()
  scene.cluster.paths.set(`/ipfs/${dir}/a.txt`, CID.parse(hello))
  port = await scene.proxy()
})
afterAll(() => scene.close())

describe('http/proxy.json', () => {
  it('is used where one process can answer', () => {
    expect(inScope).toHaveLength(66)
  })

  it.each(inScope.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const { method, path, query, headers = {}, body } = one.request
    if (name === 'add/array error')
      scene.cluster.failures.set('content.add', new Error('unrecognized chunker option: foo'))
    const target = query === undefined ? path : `${path}?${query}`
    const answer = await askHttp({ port, method, path: target, headers, ...(body === undefined ? {} : { body }) })
    scene.cluster.failures.clear()
    const expected = [one.wanted ?? one.response].flat()
    const found = expected.find(({ status }) => status === answer.status) ?? expected[0]
    expect(found?.status).toBe(answer.status)
    for (const each of COMPARED) expect([each, answer.headers[each]]).toEqual([each, found?.headers?.[each]])
    if (found !== undefined) compareBodies(answer, found, one)
  })
})

function compareBodies({ text }: HttpAnswer, expected: Answer, { loose = {}, volatile = [] }: Case): void {
  if (expected.body !== undefined) expect(text).toBe(expected.body)
  const ofJson = (value: unknown): unknown => blanked(value, [...Object.keys(loose), ...volatile])
  if (expected.json !== undefined) {
    const json = JSON.parse(text) as Record<string, unknown>
    for (const [key, prefix] of Object.entries(loose)) expect(String(json[key]).startsWith(prefix)).toBe(true)
    expect(ofJson(json)).toEqual(ofJson(expected.json))
  }
  if (expected.ndjson !== undefined) {
    const lines = text.split('\n').filter((line) => line !== '')
    const sorted = (list: readonly unknown[]): string[] => list.map((each) => JSON.stringify(each)).sort()
    expect(sorted(lines.map((line): unknown => JSON.parse(line)))).toEqual(sorted(expected.ndjson))
  }
  if (expected.newline !== undefined && text !== '') expect(text.endsWith('\n')).toBe(expected.newline)
}

function blanked(value: unknown, keys: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}
