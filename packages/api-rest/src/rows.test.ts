import { askHttp, LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

/** Rows 1 to 30 of http-apis.md §11, one by one; those of adding need blocks and are tested with the whole peer. */
const cluster = new LoneCluster()
const config = {
  ...restApiConfig.defaults,
  httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
  basicAuthCredentials: { admin: 'secret' }
}
const api = new RestApi({ ...testContext(), cluster }, config)
const cid = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
const authorization = `Basic ${Buffer.from('admin:secret').toString('base64')}`
const token = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhZG1pbiJ9.M6IlVhzrvxAzhBmZ2XudPr_8WShHZR64S4kzrhKnLkE'
let port = 0

beforeAll(async () => {
  await api.beforeStart()
  await api.start()
  port = Number(api.addresses[0]?.getComponents()[1]?.value)
})
afterAll(() => api.stop())
beforeEach(() => {
  cluster.pinset.clear()
  cluster.paths.set(`/ipfs/${cid}`, CID.parse(cid))
})

type Headers = Readonly<Record<string, string>>
interface Row {
  readonly row: number
  readonly ask: string
  /** In place of the credentials. */
  readonly headers?: Headers
  readonly more?: Headers
  readonly body?: string
  readonly status: number
  readonly text?: string | RegExp
  readonly answers?: Readonly<Record<string, string | readonly string[] | undefined>>
}
const error = (code: number, message: string): string => `${JSON.stringify({ code, message })}\n`
const unauthorized = (why: string): string => error(401, `unauthorized: ${why}`)
const realm = 'realm="Restricted IPFS Cluster API"'
const preflight = (method: string): Headers => ({ Origin: 'http://x.io', 'Access-Control-Request-Method': method })
const varyThree = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

const rows: readonly Row[] = [
  { row: 2, ask: 'POST /token', status: 200, text: `{"token":"${token}"}\n` },
  { row: 3, ask: 'GET /id', headers: { authorization: `bearer ${token}` }, status: 200 },
  {
    row: 4,
    ask: 'GET /id',
    headers: { authorization: 'Bearer purposefullyInvalid' },
    status: 401,
    text: unauthorized('invalid token')
  },
  {
    row: 5,
    ask: 'GET /id',
    headers: {},
    status: 401,
    text: unauthorized('no auth provided'),
    answers: { 'www-authenticate': `Bearer ${realm}, Basic ${realm}` }
  },
  { row: 6, ask: 'GET /health', headers: {}, status: 204, text: '' },
  { row: 7, ask: 'GET /health/graph', headers: {}, status: 401 },
  {
    row: 8,
    ask: 'OPTIONS /nope',
    headers: preflight('GET'),
    status: 204,
    answers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET',
      'access-control-allow-credentials': 'true',
      vary: varyThree
    }
  },
  {
    row: 9,
    ask: 'OPTIONS /nope',
    headers: preflight('POST'),
    status: 204,
    answers: { 'access-control-allow-origin': undefined, 'access-control-allow-methods': undefined, vary: varyThree }
  },
  {
    row: 10,
    ask: 'GET /version',
    more: { Origin: 'http://x.io' },
    status: 200,
    answers: {
      vary: 'Origin',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Content-Type, X-Stream-Output, X-Chunked-Output, X-Content-Length',
      'access-control-allow-credentials': 'true'
    }
  },
  {
    row: 11,
    ask: 'POST /pins/x',
    more: { Origin: 'http://x.io' },
    status: 400,
    answers: { vary: 'Origin', 'access-control-allow-origin': undefined }
  },
  { row: 12, ask: 'GET /version/?a=1', status: 307, answers: { location: '/version?a=1' } },
  { row: 13, ask: 'GET /nope', status: 404, text: error(404, 'not found') },
  { row: 14, ask: 'PUT /version', status: 405, text: '' },
  { row: 15, ask: 'GET /version', more: { 'x-big': 'x'.repeat(9000) }, status: 431 },
  { row: 16, ask: 'GET /pins?filter=undefined', status: 400, text: error(400, 'invalid filter value') },
  { row: 17, ask: 'GET /pins?filter=foo,%20pinned', status: 204 },
  { row: 18, ask: 'GET /allocations?filter=foo', status: 400, text: error(400, 'invalid filter value') },
  { row: 18, ask: 'GET /allocations?filter=foo,pin', status: 204 },
  { row: 19, ask: 'GET /allocations', status: 204, text: '' },
  { row: 20, ask: `GET /allocations/${cid}`, status: 404, text: error(404, 'pin is not part of the pinset') },
  { row: 21, ask: `GET /pins/${cid}`, status: 200, text: /"status":"unpinned"/ },
  {
    row: 22,
    ask: `POST /pins/${cid}?replication-min=a`,
    status: 400,
    text: error(400, 'parameter replication-min invalid')
  },
  {
    row: 23,
    ask: `POST /pins/${cid}?expire-in=5`,
    status: 400,
    text: error(400, 'expire-in cannot be parsed: time: missing unit in duration "5"')
  },
  { row: 24, ask: `POST /pins/${cid}?expire-in=500ms`, status: 400, text: error(400, 'expire-in duration too short') },
  {
    row: 25,
    ask: `POST /pins/${cid}?replication=2&replication-min=1`,
    status: 200,
    text: /^\{"replication_factor_min":2,"replication_factor_max":2,/
  },
  {
    row: 26,
    ask: `POST /pins/ipfs/${cid}/?mode=direct`,
    status: 307,
    answers: { location: `/pins/ipfs/${cid}?mode=direct` }
  },
  { row: 26, ask: `POST /pins/ipfs/${cid}?mode=direct`, status: 200, text: /"mode":"direct",.*"max_depth":0,/ },
  { row: 27, ask: 'POST /pins/ipfs/notacid', status: 400, text: /"error parsing path: / },
  { row: 28, ask: 'DELETE /pins/recover', status: 400, text: /"error decoding Cid: / },
  {
    row: 29,
    ask: 'POST /add',
    more: { 'content-type': 'application/json' },
    body: '{}',
    status: 400,
    text: error(400, "request Content-Type isn't multipart/form-data")
  },
  { row: 30, ask: 'POST /add?layout=x', status: 400, text: error(400, 'layout parameter is invalid') },
  { row: 30, ask: 'POST /add?local=2', status: 400, text: error(400, 'parameter local invalid') }
]

it('row 1: the header of admin and secret', () => {
  expect(authorization).toBe('Basic YWRtaW46c2VjcmV0')
})

it.each(rows)('row $row: $ask', async ({ ask, headers, more, body, status, text, answers = {} }) => {
  const [method = '', path = ''] = ask.split(' ')
  const sent = { ...(headers ?? { authorization }), ...more }
  const answer = await askHttp({ port, method, path, headers: sent, ...(body === undefined ? {} : { body }) })
  expect(answer.status).toBe(status)
  if (typeof text === 'string') expect(answer.text).toBe(text)
  else if (text !== undefined) expect(answer.text).toMatch(text)
  for (const [name, value] of Object.entries(answers)) expect([name, answer.headers[name]]).toEqual([name, value])
  // What is refused changes nothing.
  if (status >= 400) expect(cluster.pinset.size).toBe(0)
})
