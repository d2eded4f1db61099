import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { Link } from './link.ts'

it('passes everything on, counts it, and ends when one end goes', async () => {
  const content = Buffer.alloc(300_000, 7)
  const server = createServer((socket) => socket.end(content)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using link = await Link.open()
  link.target = (server.address() as AddressInfo).port
  for (const rate of [10_000_000, 0]) {
    link.bytesPerSecond = rate
    const socket = connect(link.port, '127.0.0.1')
    expect((await buffer(socket)).equals(content)).toBe(true)
    socket.destroy()
  }
  expect(link.bytes).toBe(2 * content.length)
  server.close()
})
