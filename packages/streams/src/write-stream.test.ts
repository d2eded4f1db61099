import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import type { Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { closeWrite, readStream, writeStream, writeMessage, readMessages } from './index.ts'

const MiB = 1024 * 1024

/** Two ends of a yamux stream with the settings of the project. */
async function yamuxPair(): Promise<[Stream, Stream]> {
  const [outbound, inbound] = multiaddrConnectionPair({ capacity: 20 })
  const factory = yamux({ streamOptions: { maxStreamWindowSize: 2 * MiB, maxReadBufferLength: 8 * MiB } })()
  const local = factory.createStreamMuxer(outbound)
  const remote = factory.createStreamMuxer(inbound)
  const accepted = new Promise<Stream>((resolve) => {
    remote.addEventListener(
      'stream',
      (event) => {
        resolve(event.detail)
      },
      { once: true }
    )
  })
  const opened = await local.createStream()
  opened.send(Uint8Array.of(0)) // yamux announces a stream with its first frame
  const served = await accepted
  const first = readStream(served)
  await first.next()
  await first.return?.()
  return [opened, served]
}

/** Lets everything happen that is going to happen without further input. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

async function collect(stream: Stream): Promise<number> {
  let total = 0
  for await (const chunk of readStream(stream)) total += chunk.byteLength
  return total
}

describe('writeStream and readStream over yamux', () => {
  it('carry 32 MiB in order to a fast reader', async () => {
    const [sender, receiver] = await yamuxPair()
    const received = (async () => {
      let offset = 0
      for await (const chunk of readStream(receiver)) {
        const bytes = chunk.subarray()
        expect(bytes[0]).toBe((offset >> 16) & 0xff)
        expect(bytes[bytes.length - 1]).toBe(((offset + bytes.length - 1) >> 16) & 0xff)
        offset += bytes.length
      }
      return offset
    })()
    for (let part = 0; part < 32; part += 1) {
      const bytes = Uint8Array.from({ length: MiB }, (_, i) => ((part * MiB + i) >> 16) & 0xff)
      await writeStream(sender, bytes)
    }
    await closeWrite(sender)
    expect(await received).toBe(32 * MiB)
  })

  it('hold a sender back while nobody reads, every time anew, and deliver all in the end', async () => {
    const [sender, receiver] = await yamuxPair()
    const reader = readStream(receiver, { highWaterMark: 64 * 1024 })
    let written = 0
    const all = (async () => {
      for (let part = 0; part < 640; part += 1) {
        await writeStream(sender, new Uint8Array(64 * 1024))
        written += 64 * 1024
      }
      await closeWrite(sender)
    })()
    let read = 0
    for (;;) {
      await settle()
      // Nothing may be under way but windows and the marks of both sides.
      expect(written - read).toBeLessThan(6 * MiB)
      expect(receiver.status).toBe('open')
      const next = await reader.next()
      if (next.done === true) break
      read += next.value.byteLength
      if (read > 20 * MiB) break
    }
    expect(written).toBeLessThan(40 * MiB)
    for await (const chunk of { [Symbol.asyncIterator]: () => reader }) read += chunk.byteLength
    await all
    expect(read).toBe(40 * MiB)
  })

  it('leave no listeners behind', async () => {
    const [sender, receiver] = await yamuxPair()
    const count = (stream: Stream): number =>
      ['message', 'close', 'remoteCloseWrite', 'drain', 'idle'].reduce(
        (sum, name) => sum + (stream as Stream & { listenerCount(type: string): number }).listenerCount(name),
        0
      )
    const before = [count(sender), count(receiver)]
    const received = collect(receiver)
    await writeStream(sender, new Uint8Array(4 * MiB))
    await closeWrite(sender)
    expect(await received).toBe(4 * MiB)
    expect([count(sender), count(receiver)]).toEqual(before)
  })

  it('end when the other side closed before anybody listened', async () => {
    const [sender, receiver] = await yamuxPair()
    await writeStream(sender, Uint8Array.of(1, 2, 3))
    await closeWrite(sender)
    await settle()
    expect(receiver.remoteWriteStatus).toBe('closed')
    expect(await collect(receiver)).toBe(3)
    expect(await collect(receiver)).toBe(0)
  })

  it('let the other direction go on after the end of one', async () => {
    const [sender, receiver] = await yamuxPair()
    await closeWrite(sender)
    expect(await collect(receiver)).toBe(0)
    await writeStream(receiver, new Uint8Array(3 * MiB).fill(1)).then(() => closeWrite(receiver))
    expect(await collect(sender)).toBe(3 * MiB)
  })

  it('report a reset after the bytes that came before it', async () => {
    const [sender, receiver] = await yamuxPair()
    await writeStream(sender, Uint8Array.of(7))
    await settle()
    const reader = readStream(receiver)
    expect((await reader.next()).value?.byteLength).toBe(1)
    const pending = reader.next()
    sender.abort(new Error('gone'))
    await expect(pending).rejects.toMatchObject({ code: 'stream_closed' })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    await expect(writeStream(receiver, Uint8Array.of(1))).rejects.toMatchObject({ code: 'stream_closed' })
    await expect(readStream(receiver).next()).rejects.toMatchObject({ code: 'stream_closed' })
  })

  it('fail a writer that waits when the reader resets', async () => {
    const [sender, receiver] = await yamuxPair()
    const writing = writeStream(sender, new Uint8Array(16 * MiB))
    const failed = expect(writing).rejects.toMatchObject({ code: 'stream_closed' })
    await settle()
    receiver.abort(new Error('no'))
    await failed
  })

  it('stop waiting on abort: writer, closer and reader', async () => {
    const [sender, receiver] = await yamuxPair()
    const reader = readStream(receiver) // listens, but nobody calls next()
    const abort = new AbortController()
    const writing = expect(writeStream(sender, new Uint8Array(16 * MiB), abort)).rejects.toThrow('enough')
    await settle()
    abort.abort(new Error('enough'))
    await writing
    await expect(writeStream(sender, Uint8Array.of(1), abort)).rejects.toThrow('enough')

    const closing = new AbortController()
    const closed = expect(closeWrite(sender, closing)).rejects.toThrow('hurry')
    closing.abort(new Error('hurry'))
    await closed

    const reading = new AbortController()
    const waiting = readStream(sender, { signal: reading.signal })
    const stopped = expect(waiting.next()).rejects.toThrow('later')
    reading.abort(new Error('later'))
    await stopped
    await expect(readStream(sender, { signal: reading.signal }).next()).rejects.toThrow('later')
    await reader.return?.()
    expect(receiver.readStatus).toBe('paused')
    sender.abort(new Error('done'))
  })

  it('refuse two reads at the same time', async () => {
    const [sender, receiver] = await yamuxPair()
    const reader = readStream(receiver)
    const first = reader.next()
    await expect(reader.next()).rejects.toMatchObject({ code: 'concurrent_read' })
    sender.abort(new Error('done'))
    await expect(first).rejects.toMatchObject({ code: 'stream_closed' })
  })

  it('carry messages both ways', async () => {
    const [sender, receiver] = await yamuxPair()
    const echoed = (async () => {
      for await (const message of readMessages(readStream(receiver), { maxLength: MiB })) {
        await writeMessage(receiver, message)
      }
      await closeWrite(receiver)
    })()
    const lengths = [0, 1, 127, 128, 16384, MiB]
    for (const length of lengths) await writeMessage(sender, new Uint8Array(length).fill(length))
    await closeWrite(sender)
    const answers: Uint8Array[] = []
    for await (const message of readMessages(readStream(sender), { maxLength: MiB })) answers.push(message)
    await echoed
    expect(answers.map((answer) => answer.length)).toEqual(lengths)
    expect(answers[2]?.every((byte) => byte === 127)).toBe(true)
  })
})
