import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { cpuSeconds } from '../cpu.ts'
import type { Job } from '../job.ts'
import { serving, type Serving } from './serving.ts'

const MIB = 1024 * 1024
const SOURCE_BYTES = 16 * MIB
const PART_BYTES = 64 * 1024
const UPLOAD_BYTES = 512 * MIB
const WARM_BYTES = 128 * MIB
const ROUNDS = 3

/** Uploads through the API, and through the same parser and adder without it, in turns. */
export const adding: Job = async (say) => {
  const source = randomBytes(SOURCE_BYTES)
  await serving('api', async (api) => {
    await serving('bare-add', async (bare) => {
      for (const server of [api, bare]) await upload(server, source, WARM_BYTES)
      const spent = { api: 0, bare: 0 }
      for (let round = 0; round < ROUNDS; round++) {
        spent.bare += await secondsOf(bare, () => upload(bare, source, UPLOAD_BYTES))
        spent.api += await secondsOf(api, () => upload(api, source, UPLOAD_BYTES))
      }
      const all = (ROUNDS * UPLOAD_BYTES) / MIB
      say({ name: 'same parser and adder, bare loop: processor time', value: all / spent.bare, unit: 'MiB/s' })
      say({ name: 'POST /add: processor time', value: all / spent.api, unit: 'MiB/s' })
      say({ name: 'POST /add: share of the bare loop, wanted 0.8', value: spent.bare / spent.api, unit: 'x' })
    })
  })
}

async function secondsOf({ pid }: Serving, work: () => Promise<void>): Promise<number> {
  const before = await cpuSeconds(pid)
  await work()
  return (await cpuSeconds(pid)) - before
}

async function upload({ port }: Serving, source: Uint8Array, bytes: number): Promise<void> {
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  const sent = request({ port, path: '/add', method: 'POST', headers })
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  await pipeline(Readable.from(body(source, bytes)), sent)
  const [answer] = await answered
  await answer.toArray()
  if (answer.statusCode !== 200 || (answer.trailers['x-stream-error'] ?? '') !== '') throw new Error('the add failed')
}

function* body(source: Uint8Array, bytes: number): Generator<Uint8Array> {
  yield Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
  for (let sent = 0; sent < bytes; sent += PART_BYTES) {
    const at = sent % source.length
    yield source.subarray(at, at + PART_BYTES)
  }
  yield Buffer.from('\r\n--b--\r\n')
}
