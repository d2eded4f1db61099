import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SERVICE_STATES } from '@cluster/api'
import { createServiceMap, formatBulletin, MAX_SERVICES, parseBulletin, type ServiceStatement } from './service-map.ts'

const statement: fc.Arbitrary<ServiceStatement> = fc.record({
  peer: fc.constantFrom('a', 'b', 'c'),
  state: fc.constantFrom(...SERVICE_STATES),
  atMs: fc.nat(5),
  by: fc.constantFrom('x', 'y')
})

describe('what was decided about peers', () => {
  it('is the same everywhere, whatever order it arrives in and how often', () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 20 }), fc.nat(), (statements, seed) => {
        const [one, other] = [createServiceMap(), createServiceMap()]
        one.merge(statements)
        const shuffled = statements.toSorted((a, b) => ((seed ^ a.atMs) % 3) - ((seed ^ b.atMs) % 3))
        for (const each of [...shuffled, ...statements]) other.merge([each])
        expect(other.statements()).toEqual(one.statements())
        expect(other.merge(one.statements())).toBe(false)
      })
    )
  })

  it('can be changed by a peer whose clock is hours behind', () => {
    const map = createServiceMap()
    map.merge([{ peer: 'a', state: 'draining', atMs: 9_000_000, by: 'x' }])
    const decision = map.decide('a', 'active', 'y', 1_000)
    expect(decision.atMs).toBe(9_000_001)
    expect(map.get('a')).toBe('active')
    expect(map.get('unheard of')).toBe('active')
  })

  it('has room for a bounded number of peers, and forgets idle decisions first', () => {
    const map = createServiceMap()
    map.decide('idle', 'active', 'x', 0)
    for (let index = 1; index < MAX_SERVICES; index += 1) map.decide(`p${index}`, 'cordoned', 'x', index)
    map.decide('another', 'cordoned', 'x', 0)
    expect(map.statements()).toHaveLength(MAX_SERVICES)
    expect(map.statements().some(({ peer }) => peer === 'idle')).toBe(false)
    expect(map.merge([{ peer: 'one more', state: 'cordoned', atMs: 1, by: 'x' }])).toBe(false)
  })
})

describe('a bulletin', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.uniqueArray(statement, { selector: ({ peer }) => peer }), fc.boolean(), (statements, hasIpfs) => {
        const bulletin = { statements, hasIpfs, repairs: !hasIpfs, moves: hasIpfs }
        expect(parseBulletin(formatBulletin(bulletin))).toEqual(bulletin)
      })
    )
  })

  it.each(['', 'null', '[]', '{"v":2}', '{"peers":{}}'])('is none where there is none: %j', (text) => {
    expect(parseBulletin(text)).toBeUndefined()
  })

  it('leaves out statements that are malformed', () => {
    const peers = {
      a: ['draining', 1, 'x'],
      b: ['asleep', 1, 'x'],
      c: ['draining', 'now', 'x'],
      d: 1,
      e: ['active', 1]
    }
    expect(parseBulletin(JSON.stringify({ v: 1, peers }))).toEqual({
      statements: [{ peer: 'a', state: 'draining', atMs: 1, by: 'x' }],
      hasIpfs: true,
      repairs: false,
      moves: false
    })
  })
})
