import { xsalsa20 } from '@noble/ciphers/salsa.js'
import { multiaddrConnectionPair } from '@libp2p/utils'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { HostError } from './host-error.ts'
import { Keystream } from './keystream.ts'
import { isWrongSecret, secretProtector } from './protector.ts'

const secret = new Uint8Array(32).fill(7)
const opening = new TextEncoder().encode('\x13/multistream/1.0.0\n')

describe('Keystream', () => {
  it('gives the stream of XSalsa20 whatever the pieces and their alignment', () => {
    const nonce = new Uint8Array(24).fill(3)
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 }), (pieces) => {
        const stream = new Keystream(secret, nonce)
        const parts = pieces.map((piece) => stream.apply(new Uint8ArrayList(piece.subarray(0, 1), piece.subarray(1))))
        const whole = xsalsa20(secret, nonce, Uint8Array.from(Buffer.concat(pieces)))
        expect(Buffer.compare(Buffer.concat(parts), whole)).toBe(0)
      })
    )
  })
})

describe('secretProtector', () => {
  it('takes 32 bytes only', () => {
    expect(() => secretProtector(new Uint8Array(16))).toThrow(
      new HostError('bad_secret', 'input secret is 16 bytes, cluster secret should be 32')
    )
  })

  it('carries 4 MiB in one write both ways, and its end', async () => {
    const [a, b] = multiaddrConnectionPair({ capacity: 1000 })
    const protector = secretProtector(secret)
    const [left, right] = await Promise.all([protector.protect(a), protector.protect(b)])
    const payload = Buffer.concat([opening, Buffer.alloc(4 * 1024 * 1024, 5)])
    const taken = [left, right].map(
      (stream) =>
        new Promise<Buffer>((resolve) => {
          const parts: Buffer[] = []
          let length = 0
          stream.addEventListener('message', ({ data }) => {
            parts.push(Buffer.from(data.subarray()))
            length += data.byteLength
            if (length === payload.length) resolve(Buffer.concat(parts))
          })
        })
    )
    left.send(payload)
    right.send(payload)
    for (const bytes of await Promise.all(taken)) expect(bytes.equals(payload)).toBe(true)
    const closed = new Promise((resolve) => {
      right.addEventListener('close', resolve)
    })
    await left.close()
    await closed
    expect(right.status).toBe('closed')
  })

  it('keeps a pause that comes while a resume delivers', async () => {
    const [a, b] = multiaddrConnectionPair({ capacity: 1000 })
    const protector = secretProtector(secret)
    const [left, right] = await Promise.all([protector.protect(a), protector.protect(b)])
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    let count = 0
    right.addEventListener('message', () => {
      count += 1
      right.pause()
    })
    left.send(opening)
    await settle()
    expect(count).toBe(1)
    left.send(new Uint8Array(1000))
    await settle()
    right.resume() // delivers, and the handler pauses again at once
    expect(count).toBe(2)
    left.send(new Uint8Array(1000))
    await settle()
    expect(count).toBe(2)
    expect(right).toMatchObject({ readStatus: 'paused' })
    expect(b).toMatchObject({ readStatus: 'paused' })
    right.resume()
    expect(count).toBe(3)
  })

  it('tells a peer without a secret from one with another', async () => {
    const end = async (bytes: Uint8Array): Promise<Error | undefined> => {
      const [ours, theirs] = multiaddrConnectionPair()
      const stream = await secretProtector(secret).protect(ours)
      const ended = new Promise<Error | undefined>((resolve) => {
        stream.addEventListener('close', ({ error }) => {
          resolve(error)
        })
      })
      theirs.send(bytes)
      return await ended
    }
    const plain = await end(Buffer.concat([opening, new TextEncoder().encode('\x07/noise\n')]))
    expect(plain).toMatchObject({ code: 'wrong_secret', message: 'the other side has no cluster secret' })
    const other = await end(new Uint8Array(44))
    expect(other).toMatchObject({ code: 'wrong_secret', message: 'the other side has another cluster secret' })
    expect(isWrongSecret(new AggregateError([new Error('x'), other]))).toBe(true)
    expect(isWrongSecret(new Error('x'))).toBe(false)
  })
})
