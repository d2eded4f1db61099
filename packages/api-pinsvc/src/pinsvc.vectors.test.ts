import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServiceScene } from './service.fixture.ts'

interface Expected {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly json?: unknown
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
  readonly response: Expected
  readonly wanted?: Expected | readonly Expected[]
  readonly loose?: Readonly<Record<string, string>>
  readonly volatile?: readonly string[]
  readonly unordered?: readonly string[]
}

const url = new URL('../../testing/vectors/http/pinsvc.json', import.meta.url)
const text = readFileSync(url, 'utf8').replaceAll('{{ipfs1}}', '12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6')
/** Not those through the REST API, nor what needs a second peer. */
const cases = (JSON.parse(text) as readonly Case[]).filter(
  ({ api, name }) => api === undefined && !name.startsWith('rest/')
)

const COMPARED = [
  'content-type',
  'vary',
  'location',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-credentials',
  'access-control-expose-headers'
]

const scene = new ServiceScene()
beforeAll(() => scene.open())
afterAll(() => scene.close())

describe('http/pinsvc.json', () => {
  it('is used where one peer can answer', () => {
    expect(cases).toHaveLength(100)
  })

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const { method, path, query, headers = {}, body } = one.request
    const target = query === undefined ? path : `${path}?${query}`
    const answer = await scene.ask(method, target, { headers, ...(body === undefined ? {} : { body }) })
    const accepted = [one.wanted ?? one.response].flat()
    const expected = accepted.find(({ status }) => status === answer.status) ?? accepted[0]
    expect([answer.status, answer.text]).toEqual([expected?.status, expect.anything()])
    for (const name of COMPARED) expect([name, answer.headers[name]]).toEqual([name, expected?.headers?.[name]])
    if (expected?.body !== undefined) expect(answer.text).toBe(expected.body)
    if (expected?.newline !== undefined) expect(answer.text.endsWith('\n')).toBe(expected.newline)
    if (expected?.json !== undefined) expect(normalized(answer.json, one)).toEqual(normalized(expected.json, one))
  })
})

/** Without what differs from peer to peer, and texts cut where their end is free. */
function normalized(json: unknown, { volatile = [], loose = {}, unordered = [] }: Case): unknown {
  const copy: unknown = structuredClone(json)
  for (const path of volatile) change(copy, path.split('.'), typeName)
  for (const [path, prefix] of Object.entries(loose)) {
    change(copy, path.split('.'), (value) => (String(value).startsWith(prefix) ? prefix : value))
  }
  for (const path of unordered) {
    change(copy, path.split('.'), (list) => (list as unknown[]).map((each) => JSON.stringify(each)).sort())
  }
  return copy
}

const typeName = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value)

function change(value: unknown, [head = '', ...rest]: readonly string[], by: (value: unknown) => unknown): void {
  if (typeof value !== 'object' || value === null) return
  const object = value as Record<string, unknown>
  for (const key of head === '*' ? Object.keys(object) : [head]) {
    if (!(key in object)) continue
    if (rest.length > 0) change(object[key], rest, by)
    else object[key] = by(object[key])
  }
}
