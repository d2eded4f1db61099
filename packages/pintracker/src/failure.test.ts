import { ClusterError } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import { failureOf } from './failure.ts'
import { MAX_ERROR_LENGTH } from './index-record.ts'

const ipfs = (text: string, options?: ErrorOptions) => new ClusterError('IPFS', text, options)
const full = Object.assign(new Error('no room'), { code: 'STORAGE_FULL' })
const TIMED_OUT = 'pin operation timed out: no progress for 2m0s'

describe('why something failed', () => {
  it.each([
    ['no_providers', new ClusterError('TIMEOUT', TIMED_OUT), 0],
    ['no_progress', new ClusterError('TIMEOUT', TIMED_OUT), 12],
    ['ipfs_down', new ClusterError('TIMEOUT', 'IPFS did not answer within 5m0s (pin/rm?arg=x)'), 0],
    ['ipfs_down', ipfs('IPFS request failed (is it running?) (pin/ls): connect ECONNREFUSED 127.0.0.1:5001'), 0],
    ['ipfs_down', ipfs('IPFS broke off its answer (pin/add): other side closed'), 3],
    ['disk_full', ipfs('IPFS error (pin/add?arg=x). Code: 500. Message: write: no space left on device'), 9],
    ['disk_full', new ClusterError('LIMIT', 'the storage is used up', { cause: full }), 9],
    ['refused', new ClusterError('NOT_SUPPORTED', 'ipfs unpinning is disallowed by configuration on this peer'), 0],
    ['refused', ipfs('IPFS error (pin/add?arg=x). Code: 500. Message: pin: x already pinned recursively'), 0],
    ['failed', ipfs('IPFS error (pin/add?arg=x). Code: 500. Message: pin: invalid majorByte: 0xff'), 2],
    ['failed', 'just a text', 0]
  ] as const)('%s: %s', (reason, error, nodes) => {
    expect(failureOf(error, nodes).reason).toBe(reason)
  })

  it('keeps the text of the connector, and adds what only the tracker knows', () => {
    const timeout = new ClusterError('TIMEOUT', TIMED_OUT)
    expect(failureOf(timeout, 0).text).toBe(`${TIMED_OUT} (no providers found)`)
    expect(failureOf(timeout, 12).text).toBe(`${TIMED_OUT} (after 12 blocks)`)
    expect(failureOf(ipfs('as it is'), 12).text).toBe('as it is')
    expect(failureOf(new Error(''), 0)).toEqual({ text: 'unknown error', reason: 'failed' })
    expect(failureOf(new Error('x'.repeat(9000)), 0).text).toHaveLength(MAX_ERROR_LENGTH)
  })
})
