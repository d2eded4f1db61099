import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import type { AddedOutput, FileEntry } from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { addedOutputToJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiError, ClusterClient } from './index.ts'
import { defaultTransport as fetchTransport } from './fetch-transport.ts'
import { pause } from './wait-for.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    void handler(request, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

async function clientOf(handler: Handler, more: object = {}): Promise<ClusterClient> {
  return new ClusterClient({ url: await serve(handler), ...more })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of request) text += String(bytes)
  return text
}

/** Answers a stream with an error at its end. */
function stream(response: ServerResponse, lines: readonly string[], error = ''): void {
  response.writeHead(200, { 'Content-Type': 'application/json', Trailer: 'X-Stream-Error' })
  for (const line of lines) response.write(`${line}\n`)
  response.addTrailers({ 'X-Stream-Error': error })
  response.end()
}

const json = (response: ServerResponse, text: string, status = 200): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${text}\n`)
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* contentOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text))
}

const file = (path: string, ...texts: readonly string[]): FileEntry => ({
  type: 'file',
  path,
  content: contentOf(...texts)
})

const nameOf = (step: IteratorResult<AddedOutput, void>): string | undefined =>
  step.done === true ? undefined : step.value.name

describe('add', () => {
  const event = { name: 'a', cid, bytes: 0n, size: 5n, allocations: [testPeerId(1)] }

  it('sends what the Go client sends', async () => {
    const url = new URL('../../testing/vectors/adder/ctl-requests.json', import.meta.url)
    const { cases } = JSON.parse(await readFile(url, 'utf8')) as { cases: { url: string; body: string }[] }
    const [recorded] = cases
    let sent = ''
    let target = ''
    const client = await clientOf(async (request, response) => {
      target = request.url ?? ''
      const boundary = request.headers['content-type']?.split('boundary=')[1] ?? ''
      sent = (await bodyOf(request)).replaceAll(boundary, 'BOUNDARY')
      stream(response, [addedOutputToJSON(event)])
    })
    const named = (path: string, text: string): FileEntry => ({
      type: 'file',
      path,
      content: contentOf(text),
      source: `/src/${path}`
    })
    const entries: FileEntry[] = [
      { type: 'directory', path: 'dir' },
      named('dir/a.txt', 'one\n'),
      named('dir/empty', ''),
      { type: 'directory', path: 'dir/emptydir' },
      { type: 'directory', path: 'dir/sub' },
      named('dir/sub/b.txt', 'two\n'),
      { type: 'symlink', path: 'dir/sub/link', target: '../a.txt' }
    ]
    expect(await collect(client.add(entries, { recursive: true }))).toEqual([event])
    expect(target).toBe(recorded?.url)
    // The Go client gives modes and times, which no cluster uses.
    const plain = (body = ''): string => body.replaceAll(/\?mode=[^"]*/g, '')
    expect(plain(sent).replaceAll('\n\r\n', '\r\n')).toBe(plain(recorded?.body).replaceAll('\n\r\n', '\r\n'))
  })

  it('streams events while the upload goes on, and tells its progress', async () => {
    const first = Promise.withResolvers<undefined>()
    const progress: number[] = []
    const client = await clientOf(async (request, response) => {
      response.writeHead(200, { Trailer: 'X-Stream-Error' })
      response.write(`${addedOutputToJSON(event)}\n`)
      await bodyOf(request)
      response.end(`${addedOutputToJSON({ ...event, name: 'b' })}\n`)
    })
    async function* held(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(100_000)
      await first.promise
      yield new Uint8Array(1)
    }
    const onUpload = (bytes: number) => progress.push(bytes)
    const events = client.add([{ type: 'file', path: 'a', content: held() }], {}, { onUpload })
    expect(nameOf(await events.next())).toBe('a')
    first.resolve(undefined)
    expect(nameOf(await events.next())).toBe('b')
    expect((await events.next()).done).toBe(true)
    expect(progress).toEqual([100_000, 100_001])
  })

  it('fails with the error of the trailer', async () => {
    const client = await clientOf(async (request, response) => {
      await bodyOf(request)
      stream(response, [addedOutputToJSON(event)], 'failed to put block on all destinations')
    })
    const adding = collect(client.add([file('a', 'x')]))
    await expect(adding).rejects.toThrow(new ApiError('BROKEN', 500, 'failed to put block on all destinations'))
  })

  it('fails with the error of a file, and takes nothing more', async () => {
    const begun = Promise.withResolvers<undefined>()
    const closed = Promise.withResolvers<undefined>()
    const client = await clientOf((request) => {
      begun.resolve(undefined)
      request.resume().on('close', () => {
        closed.resolve(undefined)
      })
    })
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10)
      await begun.promise
      throw new Error('file vanished')
    }
    const adding = collect(client.add([{ type: 'file', path: 'a', content: broken() }]))
    await expect(adding).rejects.toThrow('file vanished')
    await closed.promise
  })

  it('takes an answer that comes before the upload has ended', async () => {
    const client = await clientOf((_, response) => {
      response.setHeader('Connection', 'close')
      json(response, '{"code":400,"message":"parameter progress invalid"}', 400)
    })
    let sent = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent++
        yield await Promise.resolve(new Uint8Array(1000))
        await pause(1, undefined)
      }
    }
    const adding = collect(client.add([{ type: 'file', path: 'a', content: endless() }]))
    await expect(adding).rejects.toMatchObject({ status: 400, message: 'parameter progress invalid' })
    expect(sent).toBeGreaterThan(0)
  })

  it('asks for one list where trailers cannot be read', async () => {
    const transport = fetchTransport()
    const client = await clientOf(
      async (request, response) => {
        expect(request.url).toContain('stream-channels=false')
        const body = await bodyOf(request)
        expect(body).toContain('filename="a"')
        json(response, `[${addedOutputToJSON(event)}]`)
      },
      { transport }
    )
    expect(await collect(client.add([file('a', 'x', 'y')]))).toEqual([event])
  })

  it('says the error of an add by fetch', async () => {
    const client = await clientOf(
      async (request, response) => {
        await bodyOf(request)
        json(response, '{"code":500,"message":"no space"}', 500)
      },
      { transport: fetchTransport() }
    )
    await expect(collect(client.add([file('a', 'x')]))).rejects.toMatchObject({ status: 500, message: 'no space' })
  })
})
