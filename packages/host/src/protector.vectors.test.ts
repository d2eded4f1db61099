import { multiaddrConnectionPair } from '@libp2p/utils'
import { readFile } from 'node:fs/promises'
import type { MultiaddrConnection } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { Keystream } from './keystream.ts'
import { secretProtector } from './protector.ts'

interface PskCase {
  readonly name: string
  readonly psk: string
  readonly local_nonce: string
  readonly remote_nonce: string
  readonly received: string
  readonly received_plaintext: string
  readonly text: string
  readonly events: readonly { readonly sent?: string; readonly received?: string; readonly plaintext?: string }[]
}

const file = new URL('../../testing/vectors/rpc/psk.json', import.meta.url)
const { cases } = JSON.parse(await readFile(file, 'utf8')) as { cases: readonly Partial<PskCase>[] }
const hosts = new URL('../../testing/vectors/rpc/hosts.json', import.meta.url)
const { cluster_secret: goSecret } = JSON.parse(await readFile(hosts, 'utf8')) as { cluster_secret: string }
/** The other cases are error texts of the Go dialler, without bytes. */
const all = cases.filter((entry): entry is PskCase => entry.psk !== undefined)
/** In one case the dialler had another secret than Go. */
const transcripts = all.filter(({ psk }) => psk === goSecret)
const nonceHex = 48

/** Plays the recorded remote side; gives what the protected stream delivers, what it sends, and how it ends. */
async function replay(entry: PskCase, pieces: (bytes: Buffer) => Buffer[]) {
  const [ours, theirs] = multiaddrConnectionPair()
  const sent: Buffer[] = []
  theirs.addEventListener('message', ({ data }) => sent.push(Buffer.from(data.subarray())))
  const protector = secretProtector(Buffer.from(entry.psk, 'hex'), () => Buffer.from(entry.local_nonce, 'hex'))
  const stream = await protector.protect(ours)
  const received: Buffer[] = []
  const wanted = entry.received_plaintext.length / 2
  const complete = new Promise<void>((resolve, reject) => {
    stream.addEventListener('message', ({ data }) => {
      received.push(Buffer.from(data.subarray()))
      if (Buffer.concat(received).length >= wanted) resolve()
    })
    stream.addEventListener('close', ({ error }) => {
      reject(error ?? new Error('closed'))
    })
  })
  complete.catch(() => undefined)
  for (const event of entry.events) {
    if (stream.status !== 'open') break
    if (event.sent !== undefined && event.plaintext !== undefined) stream.send(Buffer.from(event.plaintext, 'latin1'))
    if (event.received !== undefined) {
      for (const piece of pieces(Buffer.from(event.received, 'hex'))) theirs.send(piece)
    }
  }
  await complete
  await drained(ours)
  return { received: Buffer.concat(received).toString('hex'), sent: Buffer.concat(sent).toString('hex') }
}

async function drained(connection: MultiaddrConnection): Promise<void> {
  while (connection.writeBufferLength > 0) await new Promise((resolve) => setImmediate(resolve))
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe('private network of recorded Go peers', () => {
  it('are six transcripts, one with another secret', () => {
    expect([all.length, transcripts.length]).toEqual([6, 5])
  })

  it('wrong secret: the same bytes go out, and what comes in ends the connection', async () => {
    const entry = all.find(({ psk }) => psk !== goSecret)
    if (entry === undefined) throw new Error('no such case')
    await expect(replay(entry, (bytes) => [bytes])).rejects.toMatchObject({ code: 'wrong_secret' })
    const [reply, request] = entry.events
    const own = new Keystream(Buffer.from(entry.psk, 'hex'), Buffer.from(entry.local_nonce, 'hex'))
    const ciphertext = own.apply(Buffer.from(request?.plaintext ?? '', 'latin1'))
    expect(entry.local_nonce + Buffer.from(ciphertext).toString('hex')).toBe(request?.sent)
    const go = new Keystream(Buffer.from(goSecret, 'hex'), Buffer.from(entry.remote_nonce, 'hex'))
    const plaintext = go.apply(Buffer.from(reply?.received?.slice(nonceHex) ?? '', 'hex'))
    expect(Buffer.from(plaintext).toString('hex')).toBe(entry.received_plaintext)
  })

  it.each(transcripts)('$name: decrypts and encrypts the same bytes', async (entry) => {
    const { received, sent } = await replay(entry, (bytes) => [bytes])
    expect(received).toBe(entry.received_plaintext)
    const recorded = entry.events.map((event) => event.sent ?? '').join('')
    expect(sent).toBe(recorded === '' ? entry.local_nonce : recorded)
  })

  it.each(transcripts)('$name: also byte by byte', async (entry) => {
    const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.of(byte))
    expect((await replay(entry, bytewise)).received).toBe(entry.received_plaintext)
  })

  it.each(transcripts)('$name: with another secret it ends as wrong_secret', async (entry) => {
    const other = { ...entry, psk: '02'.repeat(32) }
    await expect(replay(other, (bytes) => [bytes])).rejects.toMatchObject({ code: 'wrong_secret' })
  })

  it('holds for the whole ciphertext of a direction at once and in pieces of every size', () => {
    for (const entry of transcripts) {
      const bytes = Buffer.from(entry.received.slice(nonceHex), 'hex')
      const nonce = Buffer.from(entry.remote_nonce, 'hex')
      for (let size = 1; size <= bytes.length; size += 1) {
        const stream = new Keystream(Buffer.from(entry.psk, 'hex'), nonce)
        const out: Uint8Array[] = []
        for (let at = 0; at < bytes.length; at += size) out.push(stream.apply(bytes.subarray(at, at + size)))
        expect(Buffer.concat(out).toString('hex')).toBe(entry.received_plaintext)
      }
    }
  })
})
