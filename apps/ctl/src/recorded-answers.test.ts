import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordedRuns, RecordedServer, run, withoutLog, type Handler } from './recorded.fixture.ts'

const runs = new Map((await recordedRuns()).map((recorded) => [recorded.id, recorded]))
const server = new RecordedServer()
let port = 0

beforeAll(async () => {
  port = await server.start()
})
afterAll(() => server.stop())

/** What the server of a recorded run does, by the `setup` of the run. */
const handlers: Readonly<Record<string, Handler>> = {
  'server-202': (_, response) => response.writeHead(202).end(),
  'server-202-stream': (_, response) => response.writeHead(202).end(),
  'server-204-peers-rm': (_, response) => response.writeHead(204).end(),
  'server-204-stream': (_, response) => response.writeHead(204).end(),
  'server-204': (_, response) => response.writeHead(204).end(),
  'server-301': ({ url }, response) => {
    if (url === '/version') response.writeHead(301, { location: '/elsewhere' }).end()
    else response.end('{"version":"1.1.6"}')
  },
  'server-404-good': (_, response) => response.writeHead(404).end('{"code":404,"message":"not found"}'),
  'server-eof': ({ socket }) => socket.destroy(),
  'server-plain-500': (_, response) => response.writeHead(500).end('plain'),
  'timeout-hanging': () => undefined
}

describe('answers of odd servers', () => {
  it.each(Object.keys(handlers))('%s', async (id) => {
    const recorded = runs.get(id)
    const handler = handlers[id]
    if (recorded === undefined || handler === undefined) throw new Error(`no such run: ${id}`)
    server.handler = handler
    const result = await run(recorded.argv.map((word) => word.replace(/tcp\/\d+$/, `tcp/${port.toString()}`)))
    expect(result.stdout).toBe(recorded.stdout.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port.toString()}`))
    expect(withoutLog(result.stderr)).toBe(withoutLog(recorded.stderr))
    expect(result.exit).toBe(recorded.exit)
  })

  it('that are no JSON: an error of the API for values, one of our own for streams', async () => {
    server.handler = (_, response) => response.end('plain')
    const value = await run(['--host', `/ip4/127.0.0.1/tcp/${port.toString()}`, 'id'])
    expect(value).toMatchObject({ exit: runs.get('server-plain-200')?.exit, stderr: '' })
    expect(value.stdout).toContain('Code: 200\n')
    const stream = await run(['--host', `/ip4/127.0.0.1/tcp/${port.toString()}`, 'pin', 'ls'])
    expect(stream).toMatchObject({ exit: runs.get('server-plain-200-stream')?.exit, stdout: '' })
    expect(stream.stderr).toMatch(/^error : /)
  })

  const item = '{"cid":"QmSa21JYSE3Es5cujnQ3tRVToGepgNrJ36euEPYDfeRNbj","name":"a","type":"pin","max_depth":-1}\n'

  it('that break off print what came, and an error of our own', async () => {
    server.handler = (_, response) => {
      response.writeHead(200, { 'content-length': '500' })
      response.write(item, () => response.destroy())
    }
    const result = await run(['--host', `/ip4/127.0.0.1/tcp/${port.toString()}`, 'pin', 'ls'])
    expect(result).toMatchObject({ exit: runs.get('server-short')?.exit, stderr: 'error : unexpected EOF\n' })
    expect(result.stdout).toMatch(/^QmSa21.* \| a \| PIN \| /)
  })

  it('with errors in the trailer print what came, and all errors', async () => {
    server.handler = (_, response) => {
      response.writeHead(200, { trailer: 'X-Stream-Error' })
      response.write(item)
      response.addTrailers([
        ['X-Stream-Error', 'boom'],
        ['X-Stream-Error', 'bang']
      ])
      response.end()
    }
    const recorded = runs.get('server-trailer')
    const result = await run(['--host', `/ip4/127.0.0.1/tcp/${port.toString()}`, 'pin', 'ls'])
    expect(result.exit).toBe(recorded?.exit)
    expect(result.stdout.split('\n').slice(1)).toEqual(recorded?.stdout.split('\n').slice(1))
  })
})

describe('several hosts', () => {
  it('are asked in order until one answers, also for an upload', async () => {
    const closed = new RecordedServer()
    const closedPort = (await closed.start()).toString()
    await closed.stop()
    const hosts = `/ip4/127.0.0.1/tcp/${closedPort},/ip4/127.0.0.1/tcp/${port.toString()}`
    const seen: string[] = []
    server.handler = (request, response) => {
      seen.push(`${request.method ?? ''} ${request.url?.split('?')[0] ?? ''}`)
      if (request.url === '/version') response.end('{"version":"1.1.6"}')
      else response.writeHead(204).end()
    }
    expect(await run(['--host', hosts, 'version'])).toEqual({ stdout: '1.1.6\n', stderr: '', exit: 0 })
    expect((await run(['--host', hosts, 'add', import.meta.filename])).exit).toBe(0)
    expect(seen).toEqual(['GET /version', 'GET /health', 'POST /add'])
  })

  it('are not asked after an answer, even a bad one', async () => {
    let count = 0
    server.handler = (_, response) => {
      count++
      response.writeHead(500).end('{"code":500,"message":"no"}')
    }
    const host = `/ip4/127.0.0.1/tcp/${port.toString()}`
    expect((await run(['--host', `${host},${host}`, 'version'])).exit).toBe(2)
    expect(count).toBe(1)
  })
})
