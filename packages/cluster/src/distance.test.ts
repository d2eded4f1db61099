import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { closestAmong, distance } from './distance.ts'

const peers = new Map<string, PeerId>(
  Object.entries({
    P1: 'QmXZrtE5jQwXNqCJMfHUTQkvhQ4ZAnqMnmzFMJfLewuabc',
    P2: 'QmUZ13osndQ5uL4tPWHXe3iBgBgq9gfewcBMSCAuMBsDJ6',
    P3: 'QmPGDFvBkgWhvzEK9qaTWrWurSwqXNmhnK3hgELPdZZNPa',
    P4: 'QmZ8naDy5mEz4GLuQwjWt9MPYqHTBbsm8tQBrNSjiq6zBc',
    P7: '12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M',
    P8: '12D3KooWFBFCDQzAkQSwPZLV883pKdsmb6urQ3sMjfJHUxn5GCVv'
  }).map(([name, text]) => [name, peerIdFromString(text)])
)
const cases = [
  ['QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq', 'P2 P3 P7 P4 P1 P8'],
  ['QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmma', 'P1 P8 P4 P7 P3 P2'],
  ['QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmb', 'P8 P1 P4 P7 P3 P2'],
  ['bafk2bzaceawsyhsnrwwy5mtit2emnjfalkxsyq2p2ptd6fuliolzwwjbs42fq', 'P2 P3 P7 P4 P8 P1']
] as const

describe('distance (NX-1)', () => {
  it.each(cases)('orders peers as the reference peer does for %s', (text, expected) => {
    const cid = CID.parse(text)
    const ordered = [...peers].sort(([, a], [, b]) => Buffer.compare(distance(cid, a), distance(cid, b)))
    expect(ordered.map(([name]) => name).join(' ')).toBe(expected)
  })

  it('is the XOR of the BLAKE2b-256 keys', () => {
    const [[, P1]] = peers as unknown as [[string, PeerId]]
    const key = (hex: string): bigint => BigInt(`0x${hex}`)
    const expected =
      key('0be400d615e0b1d0e58aa69a670207c3fc19da3f009a2fa72b1a2f087374eb52') ^
      key('cb4c41946f795e9fed0bdbc801e3b305888ef9ecbf398d69e8c6de8a209b865d')
    const found = distance(CID.parse(cases[0][0]), P1)
    expect(key(Buffer.from(found).toString('hex'))).toBe(expected)
  })

  it('lets exactly the closest act, and the next one when that is excluded', () => {
    for (const [text, expected] of cases) {
      const cid = CID.parse(text)
      for (const names of [expected.split(' '), expected.split(' ').slice(1)]) {
        const present = names.map((name) => peers.get(name)).filter((peer) => peer !== undefined)
        const acting = present.filter((self) => closestAmong(self, present)(cid))
        expect(acting).toEqual([peers.get(names[0] ?? '')])
      }
    }
  })
})
