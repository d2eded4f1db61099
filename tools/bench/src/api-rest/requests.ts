import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { cpuSeconds } from '../cpu.ts'
import type { Job } from '../job.ts'
import { serving, type Serving } from './serving.ts'

const REQUESTS = 40_000
const ROUNDS = 3
const CONNECTIONS = 32
const QUESTION = Buffer.from('GET /id HTTP/1.1\r\nHost: h\r\n\r\n')

/** Small answers, by the API and by a bare handler of hono, in turns. */
export const requests: Job = async (say) => {
  await serving('api', async (api) => {
    await serving('bare-hono', async (bare) => {
      for (const server of [api, bare]) await ask(server, REQUESTS)
      const spent = { api: 0, bare: 0 }
      let wallSeconds = 0
      for (let round = 0; round < ROUNDS; round++) {
        spent.bare += (await measured(bare)).seconds
        const { seconds, wall } = await measured(api)
        spent.api += seconds
        wallSeconds += wall
      }
      const all = ROUNDS * REQUESTS
      say({ name: 'GET /id, bare hono: processor time', value: all / spent.bare, unit: 'requests/s' })
      say({ name: 'GET /id: processor time, wanted 10000', value: all / spent.api, unit: 'requests/s' })
      say({
        name: 'GET /id: by the clock, with the client on the machine',
        value: all / wallSeconds,
        unit: 'requests/s'
      })
      say({ name: 'GET /id: share of bare hono, wanted 0.5', value: spent.bare / spent.api, unit: 'x' })
    })
  })
}

async function measured(server: Serving): Promise<{ seconds: number; wall: number }> {
  const before = await cpuSeconds(server.pid)
  const begun = performance.now()
  await ask(server, REQUESTS)
  return { seconds: (await cpuSeconds(server.pid)) - before, wall: (performance.now() - begun) / 1000 }
}

/** So many requests over kept connections, each after the answer to the one before. */
async function ask({ port }: Serving, count: number): Promise<void> {
  const each = Math.ceil(count / CONNECTIONS)
  await Promise.all(Array.from({ length: CONNECTIONS }, () => askOn(port, each)))
}

async function askOn(port: number, count: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const length = await lengthOfAnswer(socket)
  await new Promise<void>((resolve, reject) => {
    let [answers, bytes] = [1, 0]
    socket.on('error', reject).on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes < length) return
      bytes -= length
      answers += 1
      if (answers < count) socket.write(QUESTION)
      else resolve()
    })
    socket.write(QUESTION)
  })
  socket.destroy()
}

/** Of the first answer; the others are as long. */
async function lengthOfAnswer(socket: Socket): Promise<number> {
  socket.write(QUESTION)
  let text = ''
  for (;;) {
    text += String((await once(socket, 'data'))[0])
    const [head, body] = text.split('\r\n\r\n', 2)
    const length = /^content-length: (\d+)/im.exec(head ?? '')?.[1]
    if (length === undefined || body === undefined || body.length < Number(length)) continue
    if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(text)
    return text.length
  }
}
