import { Buffer } from 'node:buffer'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { listen } from './listen.ts'
import { ndjsonResponse, type NdjsonOptions, trailerValue } from './ndjson.ts'
import { errorBody } from './respond.ts'
import { createSurface, type Handler } from './surface.ts'

async function serve(handler: Handler): Promise<number> {
  const listeners = await listen({ targets: [{ host: '127.0.0.1', port: 0 }], listener: createSurface({ handler }) })
  onTestFinished(() => listeners.stop({ graceMs: 0 }))
  const [target] = listeners.targets
  return target !== undefined && 'port' in target ? target.port : 0
}

function ask(port: number, options: { method?: string; body?: string } = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, agent: false, method: options.method ?? 'GET' }, resolve)
    request.on('error', reject)
    request.end(options.body)
  })
}

const options: NdjsonOptions = {
  failure: (error) => ({ status: 500, body: errorBody(500, error instanceof Error ? error.message : 'failed') })
}

// eslint-disable-next-line @typescript-eslint/require-await -- a source as handlers have it
async function* pages(list: readonly (readonly unknown[])[], error?: Error): AsyncGenerator<readonly unknown[]> {
  yield* list
  if (error !== undefined) throw error
}

test('one object a line, an empty trailer at the end', async () => {
  const port = await serve((_request, env) => ndjsonResponse(env, pages([[{ a: 1 }, { b: 2n }], [], ['<']]), options))
  const answer = await ask(port)
  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({ 'content-type': 'application/json', trailer: 'X-Stream-Error' })
  expect(await text(answer)).toBe('{"a":1}\n{"b":2}\n"\\u003c"\n')
  expect(answer.trailers).toEqual({ 'x-stream-error': '' })
})

test('nothing gives 204, or what was asked for', async () => {
  const port = await serve((_request, env) => ndjsonResponse(env, pages([[]]), options))
  const answer = await ask(port)
  expect([answer.statusCode, answer.headers.trailer, await text(answer)]).toEqual([204, undefined, ''])
  const other = await serve((_request, env) => ndjsonResponse(env, pages([]), { ...options, emptyStatus: 200 }))
  expect((await ask(other)).statusCode).toBe(200)
})

test('an error before the first object is a plain error answer', async () => {
  const port = await serve((_request, env) => ndjsonResponse(env, pages([], new Error('bad chunker')), options))
  const answer = await ask(port)
  expect([answer.statusCode, await text(answer)]).toEqual([500, '{"code":500,"message":"bad chunker"}\n'])
  expect(answer.headers['content-type']).toBe('application/json')
  expect(answer.trailers).toEqual({})
})

test('a later error is the trailer', async () => {
  const port = await serve((_request, env) =>
    ndjsonResponse(env, pages([[1]], new Error('broke\r\noff: 世界 ü')), { ...options, trailerOnSuccess: false })
  )
  const answer = await ask(port)
  expect([answer.statusCode, await text(answer)]).toEqual([200, '1\n'])
  expect(answer.trailers).toEqual({ 'x-stream-error': 'broke  off: ?? ü' })
  const well = await ask(
    await serve((_request, env) => ndjsonResponse(env, pages([[1]]), { ...options, trailerOnSuccess: false }))
  )
  await text(well)
  expect(well.trailers).toEqual({})
})

test('trailer values are made sendable', () => {
  expect(trailerValue('a\n\u0000b\u007f é€😀')).toBe('a  b  é??')
})

test('HTTP/1.0 clients get no trailer', async () => {
  const port = await serve((_request, env) => ndjsonResponse(env, pages([[1]], new Error('late')), options))
  const socket = connect(port, '127.0.0.1')
  socket.end('GET / HTTP/1.0\r\n\r\n')
  const answer = await text(socket)
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(answer).not.toContain('X-Stream-Error')
  expect(answer).toMatch(/\r\n\r\n1\n$/)
})

test('the source is pulled no faster than the client reads, and closed when it leaves', async () => {
  let pulled = 0
  const closed = Promise.withResolvers<AbortSignal>()
  const page = [Buffer.alloc(100_000, 'x').toString()]
  async function* endless(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    try {
      for (;;) {
        pulled++
        yield await Promise.resolve(page)
      }
    } finally {
      closed.resolve(signal)
    }
  }
  const stalled = Promise.withResolvers<undefined>()
  const port = await serve((_request, env) => {
    const write = env.outgoing.write.bind(env.outgoing) as (text: string) => boolean
    env.outgoing.write = (chunk: unknown) => {
      const free = write(chunk as string)
      if (!free && env.outgoing.writableLength > 1_000_000) throw new Error('written without waiting')
      if (!free && pulled > 3) stalled.resolve(undefined)
      return free
    }
    return ndjsonResponse(env, endless(env.signal), options)
  })
  const answer = await ask(port)
  await stalled.promise
  answer.destroy()
  expect((await closed.promise).aborted).toBe(true)
})

test('a client that leaves while the source waits aborts the signal', async () => {
  const waiting = Promise.withResolvers<undefined>()
  const aborted = Promise.withResolvers<undefined>()
  async function* slow(signal: AbortSignal): AsyncGenerator<readonly unknown[]> {
    yield [1]
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
      waiting.resolve(undefined)
    })
    aborted.resolve(undefined)
  }
  const port = await serve((_request, env) => ndjsonResponse(env, slow(env.signal), options))
  const answer = await ask(port)
  await waiting.promise
  answer.destroy()
  await aborted.promise
})

test('an error in the middle of an upload reaches the client', async () => {
  const port = await serve((_request, env) =>
    ndjsonResponse(env, pages([], new Error('no room')), { ...options, headers: { Connection: 'close' } })
  )
  const answer = await ask(port, { method: 'POST', body: 'x'.repeat(200_000) })
  expect([answer.statusCode, await text(answer)]).toEqual([500, '{"code":500,"message":"no room"}\n'])
})

test('pages that were sent are forgotten while the answer goes on', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const sent: WeakRef<readonly unknown[]>[] = []
  let kept = -1
  async function* long(): AsyncGenerator<readonly unknown[]> {
    for (let page = 0; page < 50; page++) {
      const items = [{ page }]
      sent.push(new WeakRef(items))
      yield items
      // A turn of the event loop lets go of what a weak reference holds for the turn it was made in.
      await new Promise(setImmediate)
    }
    collectGarbage()
    kept = sent.slice(0, -2).filter((page) => page.deref() !== undefined).length
  }
  const port = await serve((_request, env) => ndjsonResponse(env, long(), options))
  expect((await text(await ask(port))).trim().split('\n')).toHaveLength(50)
  expect(kept).toBe(0)
})
