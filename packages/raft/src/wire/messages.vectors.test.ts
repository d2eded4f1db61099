import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Reply, Request } from '../messages.ts'
import { decodeError, decodeRequest, decodeResponse, encodeReply, encodeRequest, requestType } from './messages.ts'
import { valueLength } from '@cluster/msgpack'

interface Exchange {
  readonly name: string
  readonly request: string
  readonly response: string
  readonly requestDecoded: Readonly<Record<string, unknown>>
  readonly responseDecoded: Readonly<Record<string, unknown>> | null
}

const url = new URL('../../../testing/vectors/raft/rpc-messages.json', import.meta.url)
const { messages } = JSON.parse(readFileSync(url, 'utf8')) as { readonly messages: readonly Exchange[] }

function readRequest(hex: string): Request {
  const bytes = Buffer.from(hex, 'hex')
  const type = requestType(bytes[0] ?? 255)
  if (type === undefined) throw new Error('unknown type')
  return decodeRequest(type, bytes.subarray(1))
}

function readReply(type: Request['type'], hex: string): Reply {
  const bytes = Buffer.from(hex, 'hex')
  const length = valueLength(bytes) ?? 0
  return { error: decodeError(bytes), body: decodeResponse(type, bytes.subarray(length)) }
}

/** The fields by their names on the wire. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  Term: ['term'],
  LastLogIndex: ['lastIndex'],
  LastLogTerm: ['lastTerm'],
  PrevLogEntry: ['previousIndex'],
  PrevLogTerm: ['previousTerm'],
  LeaderCommitIndex: ['commitIndex'],
  Leader: ['leader'],
  Candidate: ['candidate'],
  LeadershipTransfer: ['isTransfer'],
  LastLog: ['lastLog'],
  Success: ['success'],
  NoRetryBackoff: ['noRetryBackoff'],
  Granted: ['granted'],
  Size: ['size'],
  SnapshotVersion: ['version'],
  ConfigurationIndex: ['configurationIndex'],
  ProtocolVersion: ['header', 'protocolVersion'],
  ID: ['header', 'id'],
  Addr: ['header', 'address']
}

function expectFields(message: object, decoded: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(decoded)) {
    const path = NAMES[key]
    if (path === undefined) continue
    const mine = path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], message)
    expect(mine === '' ? null : mine, key).toEqual(value)
  }
}

test.for(messages)('$name', ({ request, response, requestDecoded, responseDecoded }) => {
  const asked = readRequest(request)
  expectFields(asked, requestDecoded)
  expect(Buffer.from(encodeRequest(asked)).toString('hex')).toBe(request)
  const reply = readReply(asked.type, response)
  if (responseDecoded !== null) expectFields(reply.body ?? {}, responseDecoded)
  expect(Buffer.from(encodeReply(reply)).toString('hex')).toBe(response)
})
