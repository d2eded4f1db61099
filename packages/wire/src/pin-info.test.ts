import { parseTimestamp, PIN_FAILURES, TrackerStatus, type PinInfoShort } from '@cluster/api'
import { decode, encode, map, string } from '@cluster/msgpack'
import { describe, expect, it } from 'vitest'
import { parseJson, pinInfoShortForm } from './index.ts'

const { msgpack, json } = pinInfoShortForm
const plain: PinInfoShort = {
  peername: 'one',
  ipfsPeerId: undefined,
  ipfsPeerAddresses: undefined,
  status: TrackerStatus.pinError,
  timestamp: undefined,
  error: 'nobody has it',
  attemptCount: 1,
  priorityPin: true
}
const retryAt = 1_700_000_000_000_000_000n

describe('times that were written in another zone', () => {
  it('are printed in it again; the instant is the same', () => {
    const berlin = '"timestamp":"2026-11-21T20:46:05.5+01:00"'
    const text = json.print(plain).replace(/"timestamp":"[^"]*"/, berlin)
    const info = json.read(parseJson(text))
    expect(json.print(info)).toBe(text)
    expect(info.timeOffsets).toEqual({ timestamp: 60 })
    expect(info.timestamp).toBe(parseTimestamp('2026-11-21T19:46:05.5Z'))
    expect(encode(msgpack, info)).toEqual(encode(msgpack, { ...plain, timestamp: info.timestamp }))
  })

  it('say nothing of a zone that is UTC', () => {
    expect(json.read(parseJson(json.print(plain)))).not.toHaveProperty('timeOffsets')
  })
})

describe('why a pin failed, and when it is tried again', () => {
  it.each(PIN_FAILURES)('%s goes over both wires', (reason) => {
    const info = { ...plain, reason, retryAt }
    expect(decode(msgpack, encode(msgpack, info))).toEqual(info)
    expect(json.read(parseJson(json.print(info)))).toEqual(info)
    expect(json.print(info)).toContain(`"priority_pin":true,"reason":"${reason}","retry_at":"2023-11-14T22:13:20Z"}`)
  })

  it('leaves no trace where it is not said, as Go peers never say it', () => {
    const nothing = { ...plain, reason: undefined, retryAt: undefined }
    expect(encode(msgpack, nothing)).toEqual(encode(msgpack, plain))
    expect(json.print(nothing)).toBe(json.print(plain))
    const keys = Object.keys(JSON.parse(json.print(nothing)) as object)
    expect(keys).toEqual(['peername', 'status', 'timestamp', 'error', 'attempt_count', 'priority_pin'])
    const read = json.read(parseJson(json.print(plain)))
    expect([read.reason, read.retryAt]).toEqual([undefined, undefined])
  })

  it('reads a word of a later version as a failure of which no more is known', () => {
    expect(json.read({ status: 'pin_error', reason: 'eaten' }).reason).toBe('failed')
    const later = encode(map(string), new Map([['reason', 'eaten']]))
    expect(decode(msgpack, later).reason).toBe('failed')
  })
})
