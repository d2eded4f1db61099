import { peerIdFromString } from '@libp2p/peer-id'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { messageId } from './gossip.ts'

interface Announcement {
  readonly scenario: string
  readonly from: string
  readonly seqno: string
  readonly data: string
  readonly message: string
  readonly message_id: string
}
const file = new URL('../../testing/vectors/crdt/broadcasts.json', import.meta.url)
const { messages } = JSON.parse(await readFile(file, 'utf8')) as { messages: readonly Announcement[] }

/** The fields of a protobuf message that has bytes only. */
function fieldsOf(bytes: Uint8Array): Map<number, { readonly start: number; readonly value: Uint8Array }> {
  const fields = new Map<number, { start: number; value: Uint8Array }>()
  for (let at = 0; at < bytes.length;) {
    const start = at
    const field = (bytes[at++] ?? 0) >> 3
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    fields.set(field, { start, value: bytes.subarray(at, at + length) })
    at += length
  }
  return fields
}

describe('crdt/broadcasts.json: announcements of recorded Go peers', () => {
  it('have the same id here', () => {
    expect(messages).toHaveLength(75)
    for (const { from, seqno, message_id: id } of messages) {
      expect(Buffer.from(messageId(peerIdFromString(from), BigInt(`0x${seqno}`))).toString('hex')).toBe(id)
    }
  })

  it('are signed over the prefix and everything but signature and key, as libp2p verifies it', async () => {
    let verified = 0
    for (const { from, message } of messages) {
      const bytes = new Uint8Array(Buffer.from(message, 'hex'))
      const signature = fieldsOf(bytes).get(5)
      const { publicKey } = peerIdFromString(from)
      // an RSA key does not fit its peer ID: it travels in the message
      if (signature === undefined || publicKey === undefined) continue
      const signed = Buffer.concat([Buffer.from('libp2p-pubsub:'), bytes.subarray(0, signature.start)])
      expect(await publicKey.verify(signed, signature.value)).toBe(true)
      signed[20] = (signed[20] ?? 0) ^ 1
      expect(await publicKey.verify(signed, signature.value)).toBe(false)
      verified += 1
    }
    expect(verified).toBeGreaterThan(60)
  })
})
