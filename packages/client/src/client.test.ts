import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import {
  pinOf,
  TrackerStatus,
  type AddedOutput,
  type FileEntry,
  type GlobalPinInfo,
  type Pin,
  type PinInfoShort
} from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { addedOutputToJSON, globalPinInfoToJSON, pinToJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiError, ClusterClient, WaitError } from './index.ts'
import { defaultTransport as fetchTransport } from './fetch-transport.ts'
import { pause } from './wait-for.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const pin: Pin = pinOf(cid, { name: 'docs' })
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

describe('requests', () => {
  it('go to the route with its parameters escaped, below the path of the URL', async () => {
    const seen: string[] = []
    const url = await serve((request, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
      json(response, pinToJSON(pin))
    })
    const client = new ClusterClient({ url: `${url}/behind/proxy/` })
    await client.pin(cid, { name: 'a b', replicationFactorMin: 1, replicationFactorMax: 2 })
    await client.pinPath(`/ipfs/${cid.toString()}/a b/ü?.txt/`)
    await client.pinPath(cid.toString())
    await client.unpin(cid)
    await client.unpinPath('/ipns/example.org')
    const options = 'mode=recursive&name=&replication-max=0&replication-min=0&shard-size=0&user-allocations='
    expect(seen).toEqual([
      `POST /behind/proxy/pins/${cid.toString()}?mode=recursive&name=a+b&replication-max=2&replication-min=1&shard-size=0&user-allocations=`,
      `POST /behind/proxy/pins/ipfs/${cid.toString()}/a%20b/%C3%BC%3F.txt?${options}`,
      `POST /behind/proxy/pins/ipfs/${cid.toString()}?${options}`,
      `DELETE /behind/proxy/pins/${cid.toString()}`,
      'DELETE /behind/proxy/pins/ipns/example.org'
    ])
  })

  it('carry credentials and headers', async () => {
    const client = await clientOf(
      ({ headers }, response) => {
        expect(headers).toMatchObject({ authorization: 'Basic YWRtaW46c8O8w58=', 'x-team': 'red' })
        json(response, '{"version":"1.1.6"}')
      },
      { username: 'admin', password: 'süß', headers: { 'x-team': 'red' } }
    )
    expect(await client.version()).toEqual({ version: '1.1.6' })
  })

  it('name filters as the API does', async () => {
    const seen: (string | undefined)[] = []
    const client = await clientOf((request, response) => {
      seen.push(request.url)
      response.writeHead(204).end()
    })
    await collect(client.statusAll())
    await collect(client.statusAll({ local: true, filter: TrackerStatus.error, cids: [cid] }))
    await collect(client.allocations())
    await collect(client.allocations({ types: [2, 4] }))
    await client.health()
    expect(seen).toEqual([
      '/pins?local=false&filter=&cids=',
      `/pins?local=true&filter=error&cids=${cid.toString()}`,
      '/allocations?filter=all',
      '/allocations?filter=pin%2Cmeta-pin',
      '/health'
    ])
  })
})

describe('errors', () => {
  const failing = async (handler: Handler) => (await clientOf(handler)).id()

  it('of the API carry its status and text', async () => {
    const call = failing((_, response) => {
      json(response, '{"code":404,"message":"pin is not part of the pinset"}', 404)
    })
    await expect(call).rejects.toMatchObject({
      name: 'ApiError',
      code: 'REFUSED',
      status: 404,
      message: 'pin is not part of the pinset'
    })
  })

  it('that are no JSON are shown with their status', async () => {
    const call = failing((_, response) => {
      response.writeHead(502).end('<html>nginx</html>')
    })
    await expect(call).rejects.toMatchObject({
      code: 'REFUSED',
      status: 502,
      message: 'Bad Gateway: <html>nginx</html>'
    })
  })

  it('of the connection have the status 0', async () => {
    const url = await serve(() => undefined)
    await new Promise((resolve) => servers.pop()?.close(resolve))
    await expect(new ClusterClient({ url }).id()).rejects.toMatchObject({ code: 'UNREACHABLE', status: 0 })
  })

  it('of a value of the wrong form say what is wrong', async () => {
    const call = failing((_, response) => {
      json(response, '["no", "object"]')
    })
    await expect(call).rejects.toMatchObject({ code: 'UNEXPECTED', status: 200 })
  })

  it('in the trailer of a stream come after its items', async () => {
    const client = await clientOf((_, response) => {
      stream(response, [pinToJSON(pin)], 'peer went away')
    })
    const items = client.allocations()
    expect((await items.next()).value).toMatchObject({ name: 'docs' })
    await expect(items.next()).rejects.toMatchObject({ code: 'BROKEN', status: 500, message: 'peer went away' })
  })

  it('of a stream that is cut are seen', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200)
      response.write(`${pinToJSON(pin)}\n`)
      setImmediate(() => response.destroy())
    })
    await expect(collect(client.allocations())).rejects.toMatchObject({ code: 'BROKEN', status: 200 })
  })

  it('of an abort are its reason', async () => {
    const asked = Promise.withResolvers<undefined>()
    const client = await clientOf(() => {
      asked.resolve(undefined)
    })
    const abort = new AbortController()
    const call = client.id({ signal: abort.signal })
    await asked.promise
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await expect(client.id({ signal: abort.signal })).rejects.toThrow('enough')
  })
})

describe('listings', () => {
  it('drop the connection when broken off', async () => {
    const dropped = Promise.withResolvers<undefined>()
    const client = await clientOf((_, response) => {
      response.on('close', () => {
        dropped.resolve(undefined)
      })
      response.writeHead(200)
      response.write(`${pinToJSON(pin)}\n${pinToJSON(pin)}\n`)
    })
    for await (const item of client.allocations()) {
      expect(item.name).toBe('docs')
      break
    }
    await dropped.promise
  })

  it('join lines and characters that come in pieces', async () => {
    const line = new TextEncoder().encode(`${pinToJSON({ ...pin, name: 'grün €' })}\n`)
    const client = await clientOf(async (_, response) => {
      response.writeHead(200)
      for (const byte of line) await new Promise((resolve) => response.write(Uint8Array.of(byte), resolve))
      response.end()
    })
    expect((await collect(client.allocations())).map(({ name }) => name)).toEqual(['grün €'])
  })

  it('use one connection for many requests', async () => {
    const ports = new Set<number | undefined>()
    const client = await clientOf((request, response) => {
      ports.add(request.socket.remotePort)
      stream(response, [pinToJSON(pin)])
    })
    for (let turn = 0; turn < 5; turn++) expect(await collect(client.allocations())).toHaveLength(1)
    expect(ports.size).toBe(1)
    client.close()
  })
})

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

describe('waitFor', () => {
  const infoOf = (...statuses: readonly TrackerStatus[]): GlobalPinInfo => {
    const short = { peername: '', ipfsPeerId: undefined, ipfsPeerAddresses: undefined, timestamp: undefined }
    const rest = { error: '', attemptCount: 0, priorityPin: false }
    const entries = statuses.map((status, index): [string, PinInfoShort] => [
      testPeerId(index).toString(),
      { ...short, ...rest, status }
    ])
    const common = { name: '', allocations: undefined, origins: undefined, created: undefined, metadata: undefined }
    return { cid, ...common, peerMap: new Map(entries) }
  }
  const { pinned, pinning, pinError, remote, unpinned } = TrackerStatus

  const wait = async (answers: readonly GlobalPinInfo[], options: Parameters<ClusterClient['waitFor']>[1] = {}) => {
    let asked = 0
    const client = await clientOf((_, response) => {
      json(response, globalPinInfoToJSON(answers[Math.min(asked++, answers.length - 1)] ?? infoOf()))
    })
    const info = await client.waitFor(cid, { intervalMs: 1, ...options })
    return { asked, statuses: [...(info.peerMap?.values() ?? [])].map(({ status }) => status) }
  }

  it('asks until all peers have it, remote ones aside', async () => {
    const answers = [infoOf(pinning, pinned), infoOf(pinned, pinning), infoOf(pinned, pinned, remote)]
    const { asked, statuses } = await wait(answers)
    expect(asked).toBe(3)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([pinned, pinned, remote])
  })

  it('asks until as many peers as wanted have it, at most all', async () => {
    expect((await wait([infoOf(pinning, pinning), infoOf(pinned, pinning)], { limit: 1 })).asked).toBe(2)
    expect((await wait([infoOf(pinned)], { limit: 3 })).asked).toBe(1)
  })

  it('takes nobody for everybody, and counts remote peers for other targets', async () => {
    expect((await wait([infoOf()])).asked).toBe(1)
    const answers = [infoOf(unpinned, remote), infoOf(unpinned, unpinned)]
    expect((await wait(answers, { target: unpinned })).asked).toBe(2)
  })

  it('gives up when a peer has failed, with the last good status', async () => {
    const waiting = wait([infoOf(pinning), infoOf(pinError)])
    await expect(waiting).rejects.toThrow('error has occurred while attempting to reach status: pinned')
    await waiting.catch((error: unknown) => {
      expect(error).toBeInstanceOf(WaitError)
      expect((error as WaitError).status?.peerMap?.values().next().value?.status).toBe(pinning)
    })
  })

  it('stops at an abort, also between two questions', async () => {
    const abort = new AbortController()
    const waiting = wait([infoOf(pinning)], { intervalMs: 3_600_000, signal: abort.signal })
    setImmediate(() => {
      abort.abort(new Error('enough'))
    })
    await expect(waiting).rejects.toThrow('enough')
  })
})
