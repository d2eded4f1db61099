import { readFile } from 'node:fs/promises'
import { pinOf, TrackerStatus, type GlobalPinInfo } from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { globalPinInfoToJSON, pinToJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cliVectors, RecordedServer, run, type RecordedCall } from './recorded.fixture.ts'

const { calls } = JSON.parse(await readFile(new URL('ctl-requests.json', cliVectors), 'utf8')) as {
  calls: RecordedCall[]
}
const cid = CID.parse('QmSa21JYSE3Es5cujnQ3tRVToGepgNrJ36euEPYDfeRNbj')
const peer = peerIdFromString('12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J')
const status: GlobalPinInfo = {
  cid,
  name: '',
  allocations: [],
  origins: [],
  created: undefined,
  metadata: undefined,
  peerMap: new Map(
    [TrackerStatus.pinned].map((pinned) => [
      peer.toString(),
      {
        peername: '',
        ipfsPeerId: undefined,
        ipfsPeerAddresses: undefined,
        status: pinned,
        timestamp: undefined,
        error: '',
        attemptCount: 0,
        priorityPin: false
      }
    ])
  )
}

/** What a peer would answer, so that the command goes on. */
function answerTo(method: string, path: string, isUnpinned: boolean): string {
  if (path === '/id') return `{"id":"${peer.toString()}","ipfs":{}}`
  if (path === '/version') return '{"version":"1"}'
  if (path === '/health/graph') return `{"cluster_id":"${peer.toString()}"}`
  if (path === '/ipfs/gc' || path === '/health/bandwidth') return '{}'
  if (path.startsWith('/monitor') || path === '/health/alerts') return '[]'
  if (path.startsWith('/allocations/')) return pinToJSON(pinOf(cid))
  if (path.endsWith('/recover') && path !== '/pins/recover') return globalPinInfoToJSON(status)
  if (method !== 'GET' && path.startsWith('/pins/ip')) return pinToJSON(pinOf(cid))
  if (method === 'GET' && path.startsWith('/pins/')) {
    return globalPinInfoToJSON(status).replace('"pinned"', isUnpinned ? '"unpinned"' : '"pinned"')
  }
  return ''
}

/** Parameters in the order of their names; the time of an expiry is that of the run. */
function normal(method: string, target: string): string {
  const url = new URL(target, 'http://x')
  const query = [...url.searchParams].map(([key, value]) => `${key}=${key === 'expire-at' ? '<TIME>' : value}`)
  return `${method} ${decodeURIComponent(url.pathname)} ${query.sort().join('&')}`
}

const server = new RecordedServer()
let port = 0
let seen: string[] = []

beforeAll(async () => {
  port = await server.start()
})
afterAll(() => server.stop())

describe('what is sent for a command line', () => {
  /** Where the reference fails or loses something, what is sent in place of that. */
  const intended: Readonly<Record<string, string>> = {
    'queued, pinned': 'GET /pins cids=&filter=pinned,queued&local=false',
    [`/ipfs/${cid.toString()}/a b/ü?x#y.txt`]: `POST /pins/ipfs/${cid.toString()}/a b/ü?x#y.txt mode=recursive&name=&replication-max=0&replication-min=0&shard-size=0&user-allocations=`
  }
  // What `add` sends is tested beside it.
  const cases = calls.filter(
    ({ argv, requests }) => !argv.includes('add') || requests[0]?.target.startsWith('/pins') === true
  )

  it.each(cases)('$argv', async ({ argv, exit, requests }) => {
    seen = []
    let authorization: string | undefined
    server.handler = (request, response) => {
      const { method = '', url = '' } = request
      seen.push(normal(method, url))
      authorization = request.headers.authorization
      const answer = answerTo(method, new URL(url, 'http://x').pathname, argv.includes('rm'))
      response.writeHead(answer === '' ? 204 : 200).end(answer)
    }
    const result = await run(['--host', `/ip4/127.0.0.1/tcp/${port.toString()}`, ...argv])
    expect(result.stderr).toBe('')
    // The reference takes an answer with a body for a failure here; it comes from a peer that did what was asked.
    expect(result.exit).toBe(argv.includes('peers') ? 0 : exit)
    const other = intended[argv.at(-1) ?? '']
    const expected = requests.map(({ method, target }) => normal(method, target))
    expect(seen).toEqual(other === undefined ? expected : [other, ...expected.slice(1)])
    const [first] = requests
    const recorded = first === undefined ? undefined : (first.headers as Record<string, string>)['Authorization']
    expect(authorization).toBe(recorded)
  })
})
