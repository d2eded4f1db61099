import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runsOf } from './recorded-kinds.fixture.ts'
import { RecordedServer, run, withoutLog, type Handler, type RecordedRun } from './recorded.fixture.ts'

const odd = await runsOf('odd')
const waits = await runsOf('wait')
const plain = await runsOf('plain')
const server = new RecordedServer()
let port = 0

beforeAll(async () => {
  port = await server.start()
})
afterAll(() => server.stop())

const item = '{"name":"a"}\n'
const withTrailers: Handler = (_, response) => {
  response.writeHead(200, { trailer: 'X-Stream-Error' })
  response.write(item)
  response.addTrailers([
    ['X-Stream-Error', 'boom'],
    ['X-Stream-Error', 'bang']
  ])
  response.end()
}

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
  'server-plain-200': (_, response) => response.end('plain'),
  'server-plain-200-stream': (_, response) => response.end('plain'),
  'server-plain-500': (_, response) => response.writeHead(500).end('plain'),
  'server-short': (_, response) => {
    response.writeHead(200, { 'content-length': '500' })
    response.write(item, () => response.destroy())
  },
  'server-trailer': withTrailers,
  'server-trailer-json': withTrailers,
  'timeout-hanging': () => undefined,
  'timeout-hanging-wait': () => undefined
}

/** Runs it at the server of the test, and compares all that it prints. */
async function expectSame({ argv, stdout, stderr, exit }: RecordedRun): Promise<void> {
  const result = await run(argv.map((word) => word.replace(/tcp\/\d+$/, `tcp/${port.toString()}`)))
  const text = stdout.replace(/(127\.0\.0\.1|localhost):\d+/, `$1:${port.toString()}`)
  const expected = { stdout: text, stderr: withoutLog(stderr), exit }
  expect({ ...result, stderr: withoutLog(result.stderr) }).toEqual(expected)
}

describe('answers of odd servers', () => {
  it.each(odd)('$id', async (recorded) => {
    server.handler = handlers[recorded.id] ?? expect.unreachable(`no server for ${recorded.id}`)
    await expectSame(recorded)
  })

  it.each(plain)('$id: TLS is not understood', async (recorded) => {
    await expectSame(recorded)
  })
})

describe('waiting', () => {
  const cid = 'QmTJ2FggJLBrBxS8xERie9U1gbykNZtqF2khKnxKjyEKYZ'

  it.each(waits)('$id', async (recorded) => {
    const status = recorded.id === 'scen-wait-timeout' ? 'pinning' : 'pin_error'
    server.handler = ({ method }, response) => {
      const info = { cid, peer_map: { '12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J': { status } } }
      response.end(JSON.stringify(method === 'POST' ? { cid, type: 'pin' } : info))
    }
    await expectSame(recorded)
  })
})

describe('Ctrl-C', () => {
  it('gives a wait up', async () => {
    server.handler = ({ method }, response) => {
      const cid = 'QmTJ2FggJLBrBxS8xERie9U1gbykNZtqF2khKnxKjyEKYZ'
      if (method === 'POST') response.end(`{"cid":"${cid}","type":"pin"}`)
      // The first question of the wait: nobody answers it.
      else process.emit('SIGINT')
    }
    const before = process.listenerCount('SIGINT')
    const host = `/ip4/127.0.0.1/tcp/${port.toString()}`
    expect(
      await run(['--host', host, 'pin', 'add', '--wait', 'QmTJ2FggJLBrBxS8xERie9U1gbykNZtqF2khKnxKjyEKYZ'])
    ).toEqual({
      stdout: '',
      stderr: 'error waiting for pin status: context canceled\n',
      exit: 125
    })
    expect(process.listenerCount('SIGINT')).toBe(before)
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
