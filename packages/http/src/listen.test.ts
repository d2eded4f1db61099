import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, createServer, get, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type AccessEntry, formatAccess } from './access-log.ts'
import { listen, type Listeners, type ListenTarget } from './listen.ts'
import type { ListenLimits } from './open-server.ts'
import { createSurface, type Handler, type SurfaceOptions } from './surface.ts'

const free = { host: '127.0.0.1', port: 0 }

async function serve(
  handler: Handler,
  init: { surface?: Partial<SurfaceOptions>; limits?: ListenLimits; targets?: ListenTarget[] } = {}
): Promise<Listeners & { port: number }> {
  const listener = createSurface({ handler, ...init.surface })
  const listeners = await listen({ targets: init.targets ?? [free], listener, ...init.limits })
  onTestFinished(() => listeners.stop({ graceMs: 0 }))
  return { ...listeners, port: portOf(listeners.targets[0]) }
}

function portOf(target: ListenTarget | undefined): number {
  return target !== undefined && 'port' in target ? target.port : 0
}

async function fetchText(port: number, path = '/'): Promise<string> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [IncomingMessage]
  return await text(response)
}

const hello: Handler = () => new Response('hello')

test('listens on several addresses and a Unix socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'http-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'api.sock')
  const { targets } = await serve(hello, { targets: [free, free, { path }] })
  expect(await fetchText(portOf(targets[0]))).toBe('hello')
  expect(await fetchText(portOf(targets[1]))).toBe('hello')
  const [response] = (await once(get({ socketPath: path, agent: false }), 'response')) as [IncomingMessage]
  expect(await text(response)).toBe('hello')
  expect(targets[2]).toEqual({ path })
})

test('a busy port is named, and what was opened before is closed', async () => {
  const busy = createTcpServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  onTestFinished(() => void busy.close())
  const { port } = busy.address() as { port: number }
  const probe = createTcpServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const first = (probe.address() as { port: number }).port
  await new Promise((resolve) => probe.close(resolve))
  const targets = [
    { host: '127.0.0.1', port: first },
    { host: '127.0.0.1', port }
  ]
  await expect(serve(hello, { targets })).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: `cannot listen on 127.0.0.1:${port}: the address is in use`
  })
  await serve(hello, { targets: [{ host: '127.0.0.1', port: first }] })
  await expect(serve(hello, { targets: [{ host: '192.0.2.1', port: 1 }] })).rejects.toMatchObject({
    code: 'CANNOT_LISTEN'
  })
})

test('a listener that fails later is reported and does not end the process', async () => {
  const errors: string[] = []
  const servers: Server[] = []
  const listeners = await listen({
    targets: [free],
    listener: createSurface({ handler: hello }),
    onError: ({ message }) => errors.push(message),
    createServer: (options, listener) => {
      const server = createServer(options, listener)
      servers.push(server)
      return server
    }
  })
  onTestFinished(() => listeners.stop({ graceMs: 0 }))
  servers[0]?.emit('error', new Error('too many open files'))
  expect(errors).toEqual(['too many open files'])
  expect(await fetchText(portOf(listeners.targets[0]))).toBe('hello')
})

test('stop waits for answers under way, refuses new ones and closes idle connections', async () => {
  const started = Promise.withResolvers<undefined>()
  const finish = Promise.withResolvers<undefined>()
  const { port, stop } = await serve(async (request) => {
    if (request.url.endsWith('/slow')) {
      started.resolve(undefined)
      await finish.promise
    }
    return new Response('done')
  })
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => {
    agent.destroy()
  })
  const [idle] = (await once(get({ host: '127.0.0.1', port, agent }), 'response')) as [IncomingMessage]
  await text(idle)
  const slow = fetchText(port, '/slow')
  await started.promise
  const stopped = stop({ graceMs: 60_000 })
  await expect(fetchText(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  finish.resolve(undefined)
  expect(await slow).toBe('done')
  await stopped
  await stop()
})

test('stop cuts what does not end in time or when it is hurried, and the handler learns of it', async () => {
  for (const hurry of [false, true]) {
    const aborted = Promise.withResolvers<undefined>()
    const started = Promise.withResolvers<undefined>()
    const { port, stop } = await serve((_request, { signal }) => {
      started.resolve(undefined)
      return new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted.resolve(undefined)
        })
      })
    })
    const failed = expect(fetchText(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await started.promise
    await stop(hurry ? { graceMs: 60_000, signal: AbortSignal.abort() } : { graceMs: 1 })
    await aborted.promise
    await failed
  }
})

test('a client that stops sending its upload is cut, one that waits for us is not', async () => {
  const cut = Promise.withResolvers<undefined>()
  const limits = { stallTimeoutMs: 20 }
  const upload = await serve(
    async (_request, { incoming }) => {
      await text(incoming).catch(() => {
        cut.resolve(undefined)
      })
      return new Response('never')
    },
    { limits }
  )
  const client = httpRequest({ host: '127.0.0.1', port: upload.port, method: 'POST', agent: false })
  client.on('error', () => undefined)
  client.write('some')
  await cut.promise

  let looks = 0
  const patient = await serve(
    async (_request, { incoming }) => {
      await new Promise<void>((resolve) => {
        incoming.socket.on('timeout', () => {
          if (++looks === 3) resolve()
        })
      })
      return new Response('at last')
    },
    { limits }
  )
  expect(await fetchText(patient.port)).toBe('at last')
})

test('an answer that takes too long as a whole is cut, if configured', async () => {
  const { port } = await serve(() => new Promise(() => undefined), { limits: { writeTimeoutMs: 10 } })
  await expect(fetchText(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('too long headers are refused', async () => {
  const { port } = await serve(hello)
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(9000)}\r\n\r\n`)
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 431 /)
})

test('a handler that throws is an empty 500 and is reported; the next request is served', async () => {
  const errors: Error[] = []
  const { port } = await serve(
    (request) => {
      if (request.url.endsWith('/bad')) throw new Error('handler broke')
      return new Response('fine')
    },
    { surface: { onError: (error) => errors.push(error) } }
  )
  expect(await fetchText(port, '/bad')).toBe('')
  expect(errors.map(({ message }) => message)).toEqual(['handler broke'])
  expect(await fetchText(port)).toBe('fine')
})

test('a gateway function streams; the body is cancelled when the client leaves', async () => {
  const cancelled = Promise.withResolvers<undefined>()
  const { port } = await serve(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            controller.enqueue(new Uint8Array(65_536))
          },
          cancel: () => {
            cancelled.resolve(undefined)
          }
        })
      )
  )
  const [response] = (await once(get({ host: '127.0.0.1', port, agent: false }), 'response')) as [IncomingMessage]
  await once(response, 'data')
  response.destroy()
  await cancelled.promise
})

test('access log: one entry for each request, in the common format', async () => {
  const entries: AccessEntry[] = []
  const logged = Promise.withResolvers<undefined>()
  const onAccess = (entry: AccessEntry): void => {
    entries.push(entry)
    logged.resolve(undefined)
  }
  const startedMs = new Date(2022, 9, 14, 5, 33, 34).getTime()
  const { port } = await serve(hello, { surface: { onAccess, nowMs: () => startedMs } })
  await fetchText(port, '/pins?x="%0a')
  await logged.promise
  expect(entries).toMatchObject([
    { remoteHost: '127.0.0.1', method: 'GET', status: 200, bytes: 5, protocol: 'HTTP/1.1' }
  ])
  expect(entries.map(formatAccess).join()).toMatch(
    /^127\.0\.0\.1 - - \[14\/Oct\/2022:05:33:34 [+-]\d{4}\] "GET \/pins\?x=\\"%0a HTTP\/1\.1" 200 5$/
  )
})
