import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cliVectors, RecordedServer, run, type RecordedCall } from './recorded.fixture.ts'

interface RecordedAdd extends RecordedCall {
  readonly requests: readonly (RecordedCall['requests'][number] & { readonly body?: string })[]
}

const { calls } = JSON.parse(await readFile(new URL('ctl-requests.json', cliVectors), 'utf8')) as {
  calls: RecordedAdd[]
}
const adds = calls.filter(({ requests: [first] }) => first?.target.startsWith('/add?') === true)
const CID = 'QmSa21JYSE3Es5cujnQ3tRVToGepgNrJ36euEPYDfeRNbj'
const PEER = '12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J'
/** The described data: where it is, and what is in it. */
const files = {
  'small.txt': 'small file\n',
  'single/abc.txt': 'abc\n',
  'folder/a.txt': 'content of a.txt\n',
  'folder/.hidden': 'content of .hidden\n',
  'folder/sub/b.txt': 'content of sub/b.txt\n',
  'folder/z z.txt': 'content of z z.txt\n'
}
const server = new RecordedServer()
let folder = ''
let host = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ctl-adds-'))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  await symlink('a.txt', join(folder, 'folder', 'link'))
  host = `/ip4/127.0.0.1/tcp/${(await server.start()).toString()}`
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** The reference also sends modes and times, which no cluster uses. */
const plain = (body: string): string =>
  body
    .replaceAll(/--cluster-[\da-f-]{36}/g, '--<BOUNDARY>')
    .replaceAll(/\?mode=[^"]*/g, '')
    .replaceAll(encodeURIComponent(folder), '%2FDATA')

/** What a peer would answer, so that the command goes on. */
function answerTo(path: string): string {
  if (path.startsWith('/add')) return `{"name":"small.txt","cid":"${CID}"}`
  if (path.startsWith('/allocations')) return `{"cid":"${CID}","type":"pin"}`
  return `{"cid":"${CID}","peer_map":{"${PEER}":{"status":"pinned"}}}`
}

describe('what is sent for a command line that adds', () => {
  it('is recorded for these', () => {
    expect(adds.length).toBe(8)
  })

  it.each(adds)('$argv', async ({ argv, exit, requests }) => {
    const seen: object[] = []
    server.handler = (request, response) => {
      const { method, url: target = '' } = request
      void text(request).then((body) => {
        seen.push({ method, target, body: plain(body) })
        response.end(answerTo(target))
      })
    }
    const words = argv.map((word) => (/^(?:small|single|folder)\b/.test(word) ? join(folder, word) : word))
    const result = await run(['--host', host, ...words])
    expect({ ...result, stdout: '' }).toEqual({ stdout: '', stderr: '', exit })
    expect(seen).toEqual(requests.map(({ method, target, body }) => ({ method, target, body: plain(body ?? '') })))
  })
})
