import { ClusterError, DEFAULT_ADD_PARAMS, type AddedOutput, type Content, type FileEntry } from '@cluster/api'
import { askHttp, LoneCluster, testContext, type HttpAnswer } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { Client } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const POST = { method: 'POST' } as const
const open: RestApi[] = []

afterEach(async () => {
  for (const api of open.splice(0)) await api.stop()
})

type Ask = (path: string, options?: Parameters<typeof askHttp>[0]) => Promise<HttpAnswer>

async function run() {
  const cluster = new LoneCluster()
  const context = testContext()
  const listen = [multiaddr('/ip4/127.0.0.1/tcp/0')]
  const api = new RestApi({ ...context, cluster }, { ...restApiConfig.defaults, httpListenMultiaddress: listen })
  await api.beforeStart()
  await api.start()
  open.push(api)
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const ask: Ask = (path, options = {}) => askHttp({ port, path, ...options })
  return { cluster, context, ask, port }
}

const lines = ({ text }: HttpAnswer): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** An upload of some parts: file name, content type, body, more header lines. */
function upload(...parts: readonly (readonly [name: string, type: string, body: string, more?: string])[]) {
  const body = parts
    .map(([name, type, text, more = '']) => {
      const head = `Content-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n${more}`
      return `--vec\r\n${head}\r\n${text}\r\n`
    })
    .join('')
  return { ...POST, headers: { 'content-type': 'multipart/form-data; boundary=vec' }, body: `${body}--vec--\r\n` }
}

/** Each character of the body as one byte. */
const asBytes = <T extends { body: string }>(request: T) => ({ ...request, body: Buffer.from(request.body, 'latin1') })

describe('add', () => {
  it.each([
    [
      'a file name',
      upload(['d%2F%FF', 'application/octet-stream', 'x']),
      'multipart: a file name is not valid UTF-8: d%2F%FF'
    ],
    [
      'the header of a part',
      asBytes(upload(['d\xff', 'application/octet-stream', 'x'])),
      'multipart: the header of a part is not valid UTF-8'
    ],
    [
      'the target of a link',
      asBytes(upload(['link', 'application/symlink', '\xff'])),
      'target of a symbolic link is not valid UTF-8'
    ]
  ])('answers 400 where the bytes of %s are not UTF-8', async (_, request, message) => {
    const { ask, cluster } = await run()
    cluster.content.add = recording([])
    const answer = await ask('/add', request)
    expect([answer.status, JSON.parse(answer.text)]).toEqual([400, { code: 400, message }])
  })

  it('hands entries and parameters on, and streams the events', async () => {
    const { ask, cluster } = await run()
    const entries: unknown[] = []
    cluster.content.add = recording(entries)
    const answer = await ask(
      '/add?name=n&progress=true&cid-version=1',
      upload(
        ['dir', 'application/x-directory', ''],
        ['dir%2Fa+b.txt', 'application/octet-stream', 'hello', 'Abspath-Encoded: %2Fsrc%2Fa\r\n'],
        ['dir%2Flink', 'application/symlink', '../x']
      )
    )
    expect(entries).toEqual([
      { name: 'n', progress: true, cidVersion: 1, rawLeaves: true, shardSize: DEFAULT_ADD_PARAMS.shardSize },
      { type: 'directory', path: 'dir' },
      { type: 'file', path: 'dir/a b.txt', source: '/src/a', text: 'hello' },
      { type: 'symlink', path: 'dir/link', target: '../x' }
    ])
    expect(lines(answer).map(({ name }) => name)).toEqual(['dir/a b.txt', 'dir/link'])
    expect(answer.headers).toMatchObject({ 'x-chunked-output': '1', 'cache-control': 'no-cache', connection: 'close' })
    expect(answer.headers).toMatchObject({ trailer: 'X-Stream-Error', 'content-type': 'application/json' })
    expect(answer.trailers).toEqual({})
  })

  it('answers one list when asked to', async () => {
    const { ask } = await run()
    const answer = await ask('/add?stream-channels=false', upload(['a', 'text/plain', 'A'], ['b', 'text/plain', 'B']))
    const [list] = lines(answer) as unknown as [{ name: string }[]]
    expect(list.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(answer.headers).toMatchObject({ connection: 'close' })
    expect(answer.headers['trailer']).toBeUndefined()
  })

  it.each(['true', 'false'])('answers 400 to an upload without parts, stream-channels=%s', async (stream) => {
    const { ask } = await run()
    const answer = await ask(`/add?stream-channels=${stream}`, upload())
    expect([answer.status, lines(answer)]).toEqual([400, [{ code: 400, message: 'no files to add' }]])
  })

  it.each(['true', 'false'])('holds the status until there is an event, stream-channels=%s', async (stream) => {
    const { ask, cluster } = await run()
    cluster.failures.set('content.add', new ClusterError('NOT_ENOUGH_PEERS', 'not enough peers'))
    const answer = await ask(`/add?stream-channels=${stream}`, upload(['a', 'text/plain', 'A']))
    expect([answer.status, lines(answer)]).toEqual([500, [{ code: 500, message: 'not enough peers' }]])
  })

  it('answers 500 in place of a list also when nothing was read yet', async () => {
    const { ask, cluster } = await run()
    cluster.failures.set('content.add', new ClusterError('BAD_REQUEST', 'unrecognized chunker option: foo'))
    const answer = await ask('/add?stream-channels=false&chunker=foo', upload(['a', 'text/plain', 'A']))
    expect([answer.status, lines(answer)]).toEqual([500, [{ code: 500, message: 'unrecognized chunker option: foo' }]])
  })

  it('answers 500 in place of a list, as the reference does', async () => {
    const { ask } = await run()
    const cut = upload(['a', 'text/plain', 'A'])
    const answer = await ask('/add?stream-channels=false', { ...cut, body: cut.body.slice(0, -9) })
    expect([answer.status, lines(answer)]).toEqual([500, [{ code: 500, message: 'multipart: NextPart: EOF' }]])
  })

  it('tells later errors in the trailer', async () => {
    const { ask } = await run()
    const cut = upload(['a', 'text/plain', 'A'])
    const answer = await ask('/add', { ...cut, body: cut.body.slice(0, -9) })
    expect([answer.status, lines(answer).length]).toEqual([200, 1])
    expect(answer.trailers).toEqual({ 'x-stream-error': 'multipart: NextPart: EOF' })
  })

  it('stops when the client goes away', async () => {
    const { port, cluster } = await run()
    const stopped = Promise.withResolvers<undefined>()
    const begun = Promise.withResolvers<undefined>()
    cluster.content.add = async function* (entries, _, { signal }) {
      signal?.addEventListener('abort', () => {
        stopped.resolve(undefined)
      })
      for await (const { path } of entries) {
        begun.resolve(undefined)
        yield { name: path, cid, bytes: 0n, size: 1n, allocations: [] }
        await stopped.promise
      }
      return cid
    }
    const client = new Client(`http://127.0.0.1:${port}`)
    const adding = client.request({ path: '/add', ...upload(['a', 'text/plain', 'A'], ['b', 'text/plain', 'B']) })
    await begun.promise
    await client.destroy()
    await adding.catch(() => undefined)
    await stopped.promise
  })
})

/** Records parameters and entries, and answers one event for each that is no directory. */
function recording(seen: unknown[]): Content['add'] {
  return async function* (entries: AsyncIterable<FileEntry>, params): AsyncGenerator<AddedOutput, CID> {
    const { name, progress, cidVersion, rawLeaves, shardSize } = params
    seen.push({ name, progress, cidVersion, rawLeaves, shardSize })
    for await (const entry of entries) {
      if (entry.type === 'file') {
        const { content, ...rest } = entry
        let text = ''
        for await (const part of content) text += new TextDecoder().decode(part)
        seen.push({ ...rest, text })
      } else {
        seen.push(entry)
      }
      if (entry.type !== 'directory') yield { name: entry.path, cid, bytes: 0n, size: 5n, allocations: [] }
    }
    return cid
  }
}
