import { readFileSync } from 'node:fs'
import { always, decodeAt, encode, field, int, string, struct, type Codec } from '@cluster/msgpack'
import { describe, expect, it } from 'vitest'
import { rpcMethods } from './index.ts'

interface Call {
  readonly peer: 'open' | 'trusting' | 'untrusting'
  readonly mode: 'unary' | 'streaming'
  readonly method: keyof typeof rpcMethods
  readonly request: string
  readonly response: string
  readonly reply?: unknown
  readonly replies?: readonly unknown[]
  readonly arguments?: readonly unknown[]
  readonly error?: string
  readonly error_type?: number
}

const { calls } = JSON.parse(
  readFileSync(new URL('../../testing/vectors/rpc/calls.json', import.meta.url), 'utf8')
) as { readonly calls: readonly Call[] }

const serviceId = struct<{ readonly name: string; readonly method: string }>({
  name: always('Name', string),
  method: always('Method', string)
})
const header = struct<{ readonly error: string; readonly errType: number }>({
  error: field('Error', string),
  errType: field('ErrType', int)
})

/** The values of a codec that fill the bytes. */
function values(codec: Codec<unknown>, bytes: Uint8Array, start: number): unknown[] {
  const found: unknown[] = []
  for (let at = start; at < bytes.length;) {
    const { value, end } = decodeAt(codec, bytes, at)
    found.push(value)
    at = end
  }
  return found
}
function describeMethod(call: Call): (typeof rpcMethods)[Call['method']] {
  return rpcMethods[call.method]
}

describe('RPC methods against recorded calls (rpc/calls.json)', () => {
  it('has every method, in the mode it was called in', () => {
    expect(new Set(calls.map(({ method }) => method))).toEqual(new Set(Object.keys(rpcMethods)))
    for (const call of calls) expect(describeMethod(call).mode, call.method).toBe(call.mode)
  })

  it.each(calls.map((call, index) => [`${call.method} at ${call.peer} (${index})`, call] as const))(
    'reads and writes the arguments of %s',
    (_, call) => {
      const request = Buffer.from(call.request, 'hex')
      const { value: id, end } = decodeAt(serviceId, request, 0)
      expect(`${id.name}.${id.method}`).toBe(call.method)
      const codec = describeMethod(call).argument as Codec<unknown>
      const args = values(codec, request, end)
      expect(args).toHaveLength(call.mode === 'unary' ? 1 : (call.arguments?.length ?? 0))
      const written = Buffer.concat([encode(serviceId, id), ...args.map((value) => encode(codec, value))])
      expect(written.toString('hex')).toBe(call.request)
    }
  )

  it.each(
    calls
      .filter(({ error }) => error === undefined)
      .map((call, index) => [`${call.method} at ${call.peer} (${index})`, call] as const)
  )('reads the replies of %s, and what it writes reads the same', (_, call) => {
    const response = Buffer.from(call.response, 'hex')
    const codec = describeMethod(call).reply as Codec<unknown>
    let replies = 0
    for (let at = 0; at < response.length;) {
      const { value: head, end } = decodeAt(header, response, at)
      expect(head).toEqual({ error: '', errType: 0 })
      const data = decodeAt(codec, response, end)
      const again = decodeAt(codec, encode(codec, data.value), 0)
      expect(again.value).toEqual(data.value)
      replies++
      at = data.end
    }
    expect(replies).toBe(call.mode === 'unary' ? 1 : call.replies?.length)
  })

  it('lets call over the network whom the Go peers let', () => {
    const refused = (call: Call): boolean => call.error_type === 3
    for (const call of calls) {
      const { policy } = describeMethod(call)
      if (call.peer === 'trusting') expect(refused(call), call.method).toBe(policy === 'closed')
      if (call.peer === 'untrusting') expect(refused(call), call.method).toBe(policy !== 'open')
    }
  })
})
