/** The scenarios of boxo's decision engine, each under the name that it has there. @see bitswap.md §5.4 */
import { describe, expect, it } from 'vitest'
import { parseCid } from '../cid/parse.ts'
import type { WantlistEntry } from '../wire/message.ts'
import { Bench, cid, entry } from './engine-bench.fixture.ts'

const ALPHABET = Array.from('abcdefghijklmnopqrstuvwxyz')
const code = (letter: string): number => letter.charCodeAt(0)

/** The letters are there, digits are missing; a want-have is never answered with the block. */
function letters(): Bench {
  const bench = new Bench({ wantHaveReplaceBytes: 0 })
  for (const letter of ALPHABET) bench.store(code(letter), 100)
  return bench
}

/** Entries for each of the letters and digits; what stands first is the most urgent. */
function entries(type: 'block' | 'have', text: string, sendDontHave = false): WantlistEntry[] {
  return Array.from(text).map((letter, index) => entry(code(letter), { type, sendDontHave, priority: 100 - index }))
}

/** All that is said, sorted, by kind. */
function said(bench: Bench): { blocks: string; haves: string; dontHaves: string } {
  const all: string[] = []
  for (let message = bench.say(); message.length > 0; message = bench.say()) all.push(...message)
  const of = (answer: string): string =>
    all
      .filter((one) => one.startsWith(`${answer} `))
      .map((one) => String.fromCharCode(Number(one.split(' ')[1])))
      .sort()
      .join('')
  return { blocks: of('block'), haves: of('have'), dontHaves: of('dont-have') }
}

type Ask = readonly ['block' | 'have', text: string, sendDontHave?: boolean]
const nothing = { blocks: '', haves: '', dontHaves: '' }

describe('engine_test.go', () => {
  it('PeerIsAddedToPeersWhenMessageSent: wants are known until the peer leaves', () => {
    const bench = letters()
    bench.ask(entries('block', 'a'))
    expect(bench.wants()).toEqual([code('a')])
    bench.engine.peerDisconnected('p')
    expect(bench.wants()).toEqual([])
  })

  it('OutboxClosedWhenEngineClosed: a peer that left gets no message', () => {
    const bench = letters()
    bench.ask(entries('block', 'a'))
    bench.engine.peerDisconnected('p')
    expect([bench.engine.hasWork('p'), bench.engine.next('p')]).toEqual([false, undefined])
  })

  it.each<[string, Ask[], Partial<typeof nothing>]>([
    ['blocks that are there', [['block', 'aeiou']], { blocks: 'aeiou' }],
    [
      'blocks, and haves',
      [
        ['block', 'aeiou'],
        ['have', 'fgh']
      ],
      { blocks: 'aeiou', haves: 'fgh' }
    ],
    [
      'missing haves, silently',
      [
        ['block', 'aeiou'],
        ['have', 'fgh'],
        ['have', '123']
      ],
      { blocks: 'aeiou', haves: 'fgh' }
    ],
    [
      'missing haves, with DONT_HAVE',
      [
        ['block', 'aeiou'],
        ['have', 'fgh'],
        ['have', '123', true]
      ],
      { blocks: 'aeiou', haves: 'fgh', dontHaves: '123' }
    ],
    [
      'missing blocks, silently',
      [
        ['block', 'aeiou'],
        ['block', '123']
      ],
      { blocks: 'aeiou' }
    ],
    [
      'missing blocks, with DONT_HAVE',
      [
        ['block', 'aeiou'],
        ['block', '123', true]
      ],
      { blocks: 'aeiou', dontHaves: '123' }
    ],
    [
      'missing of both kinds, with DONT_HAVE',
      [
        ['block', 'aeiou'],
        ['have', 'fgh'],
        ['block', '123', true],
        ['have', '456', true]
      ],
      { blocks: 'aeiou', haves: 'fgh', dontHaves: '123456' }
    ],
    [
      'block, then have',
      [
        ['block', 'a'],
        ['have', 'a']
      ],
      { blocks: 'a' }
    ],
    [
      'have, then block',
      [
        ['have', 'a'],
        ['block', 'a']
      ],
      { blocks: 'a' }
    ],
    [
      'block, twice',
      [
        ['block', 'a'],
        ['block', 'a']
      ],
      { blocks: 'a' }
    ],
    [
      'have, twice',
      [
        ['have', 'a'],
        ['have', 'a']
      ],
      { haves: 'a' }
    ]
  ])('PartnerWantHaveWantBlockNonActive: %s', (_, asks, expected) => {
    const bench = letters()
    for (const [type, text, sendDontHave] of asks) bench.ask(entries(type, text, sendDontHave))
    expect(said(bench)).toEqual({ ...nothing, ...expected })
  })
  it('PartnerWantHaveWantBlockNonActive: all kinds, spread over three messages', () => {
    const bench = letters()
    bench.ask([...entries('block', 'ae'), ...entries('have', 'f'), ...entries('have', '12', true)])
    bench.ask([...entries('block', 'io'), ...entries('have', 'g'), ...entries('block', '34', true)])
    bench.ask([...entries('block', 'u'), ...entries('have', 'h'), ...entries('have', '5')])
    expect(said(bench)).toEqual({ blocks: 'aeiou', haves: 'fgh', dontHaves: '1234' })
  })

  it.each<[string, Ask, Ask, Partial<typeof nothing>]>([
    ['block, then have', ['block', 'a'], ['have', 'a'], {}],
    ['block, then block', ['block', 'a'], ['block', 'a'], {}],
    ['have, then have', ['have', 'a'], ['have', 'a'], {}],
    ['have, then block', ['have', 'a'], ['block', 'a'], { blocks: 'a' }]
  ])('PartnerWantHaveWantBlockActive: %s while the first answer is being sent', (_, first, second, after) => {
    const bench = letters()
    bench.ask(entries(...first))
    const sending = bench.engine.next('p')
    bench.ask(entries(...second))
    expect(bench.engine.next('p')).toBeUndefined()
    bench.engine.sent('p', sending?.tasks ?? [])
    expect(said(bench)).toEqual({ ...nothing, ...after })
  })

  it('PartnerWantsThenCancels: exactly what was kept, in order', () => {
    for (let round = 0; round < 10; round += 1) {
      const bench = letters()
      const keeps = ALPHABET.filter((_, index) => (index * 7 + round) % 3 !== 0)
      bench.ask(entries('block', ALPHABET.join('')))
      bench.ask(
        ALPHABET.filter((letter) => !keeps.includes(letter)).map((letter) => entry(code(letter), { cancel: true }))
      )
      expect(bench.say()).toEqual(keeps.map((letter) => `block ${code(letter)}`))
    }
  })

  it('SendReceivedBlocksToPeersThatWantThem: nothing at first; then HAVE and block', () => {
    const bench = new Bench({ wantHaveReplaceBytes: 0 })
    bench.ask([...entries('have', 'a'), ...entries('block', 'b')])
    expect(said(bench)).toEqual(nothing)
    for (const letter of 'ab') bench.store(code(letter), 100)
    expect(said(bench)).toEqual({ blocks: 'b', haves: 'a', dontHaves: '' })
  })

  it('SendDontHave: only where it was asked for; later all four are pushed', () => {
    const bench = new Bench({ wantHaveReplaceBytes: 0 })
    bench.ask([...entries('have', 'a', true), ...entries('have', 'b')])
    bench.ask([...entries('block', 'c', true), ...entries('block', 'd')])
    expect(said(bench)).toEqual({ ...nothing, dontHaves: 'ac' })
    for (const letter of 'abcd') bench.store(code(letter), 100)
    expect(said(bench)).toEqual({ blocks: 'cd', haves: 'ab', dontHaves: '' })
  })

  it('WantlistForPeer: each peer has its own', () => {
    const bench = letters()
    bench.engine.peerConnected('q')
    bench.engine.received('q', entries('block', 'xy'), false)
    bench.ask(entries('have', 'ab'))
    expect(bench.wants()).toEqual([code('a'), code('b')])
    expect([...bench.engine.wantlist('q')].map(({ priority }) => priority)).toEqual([100, 99])
  })

  it('PeerBlockFilter, PeerBlockFilterMutability: who may have what may change between requests', () => {
    const denied = new Set([cid(code('a')).key])
    const bench = new Bench({ wantHaveReplaceBytes: 0, mayHave: (peer, { key }) => peer === 'p' && !denied.has(key) })
    for (const letter of 'ab') bench.store(code(letter), 100)
    bench.ask(entries('block', 'ab', true))
    expect(said(bench)).toEqual({ blocks: 'b', haves: '', dontHaves: 'a' })
    denied.clear()
    bench.ask(entries('block', 'a', true))
    expect(said(bench)).toEqual({ ...nothing, blocks: 'a' })
    denied.add(cid(code('b')).key)
    bench.ask(entries('have', 'b'))
    expect(said(bench)).toEqual(nothing)
  })

  it('WantlistGrowsToLimit, WantlistDoesNotGrowPastLimit: two messages, limit 32', () => {
    for (const [first, second, left] of [
      [16, 16, 32],
      [16, 20, 32]
    ] as const) {
      const bench = new Bench({ maxWantsPerPeer: 32 })
      const list = (from: number, count: number): WantlistEntry[] =>
        Array.from({ length: count }, (_, index) => entry(from + index))
      for (let number = 0; number < 40; number += 1) bench.sizes.set(number, 2000)
      bench.ask(list(0, first))
      bench.ask(list(first, second))
      expect(bench.wants().length).toBe(left)
    }
  })

  it('IgnoresCidsAboveLimit, IgnoresIdentityCid: the others of the message are served', () => {
    const bench = letters()
    const inline = parseCid(Uint8Array.of(1, 0x55, 0, 1, 7))
    const long = parseCid(Uint8Array.from([1, 0x55, 0x12, 0xa6, 1, ...new Uint8Array(166)]))
    if (inline === undefined || long === undefined) throw new Error('no cid')
    for (const type of ['block', 'have'] as const) bench.ask([inline, long].map((one) => entry(0, { cid: one, type })))
    expect(said(bench)).toEqual(nothing)
    bench.ask([entry(0, { cid: inline }), entry(0, { cid: long, type: 'have' }), ...entries('block', 'a')])
    expect(said(bench)).toEqual({ ...nothing, blocks: 'a' })
  })

  it('WantlistBlocked: missing wants give way to others, which new missing ones do not displace', () => {
    const bench = new Bench({ maxWantsPerPeer: 32 })
    const range = (from: number): number[] => Array.from({ length: 32 }, (_, index) => from + index)
    for (const number of range(100).slice(0, 31)) bench.sizes.set(number, 2000)
    bench.ask(range(0).map((number) => entry(number)))
    expect(bench.wants()).toEqual(range(0))
    bench.ask(range(100).map((number) => entry(number)))
    expect(bench.wants()).toEqual(range(100))
    bench.ask(range(200).map((number) => entry(number)))
    expect(bench.wants().filter((number) => number < 131)).toEqual(range(100).slice(0, 31))
  })

  it('WantlistOverflow: lower priorities take the places of missing blocks only, higher ones all', () => {
    const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index)
    const full = (): Bench => {
      const bench = new Bench({ maxWantsPerPeer: 32 })
      for (const number of range(0, 31)) bench.sizes.set(number, 2000)
      bench.ask(range(0, 32).map((number) => entry(number, { priority: 1 })))
      return bench
    }
    const accepted = (bench: Bench, from: number): number => bench.wants().filter((number) => number >= from).length
    for (const [priority, places] of [
      [0, 1],
      [10, 5]
    ] as const) {
      const bench = full()
      for (const number of range(100, 5)) bench.sizes.set(number, 2000)
      bench.ask(range(100, 5).map((number) => entry(number, { priority })))
      expect(accepted(bench, 100)).toBe(places)
    }
  })
})

describe('go-peertaskqueue', () => {
  it('PushPopSizeAndOrder, PopItemsToCoverTargetWork: by priority, until the target is covered', () => {
    const bench = new Bench({ targetMessageBytes: 500, wantHaveReplaceBytes: 0 })
    for (const letter of 'abcd') bench.store(code(letter), 300)
    bench.ask(entries('block', 'dcba'))
    const popped: string[] = []
    for (let message = bench.say(); message.length > 0; message = bench.say()) popped.push(message.join(' '))
    expect(popped).toEqual(['block 100 block 99', 'block 98 block 97'])
  })

  it('PopFirstItemAlways: the first goes out however large it is', () => {
    const bench = new Bench({ targetMessageBytes: 1 })
    bench.store(1, 1_000_000)
    bench.ask([entry(1)])
    expect(bench.say()).toEqual(['block 1'])
  })

  it('Remove, RemoveMulti, RemoveActive: a cancel takes what is queued, not what is being sent', () => {
    const bench = letters()
    bench.ask(entries('block', 'ab'))
    const sending = bench.engine.next('p')
    bench.ask(entries('block', 'cd'))
    bench.ask(Array.from('ac').map((letter) => entry(code(letter), { cancel: true })))
    expect(sending?.tasks.length).toBe(2)
    bench.engine.sent('p', sending?.tasks ?? [])
    expect(said(bench)).toEqual({ ...nothing, blocks: 'd' })
  })

  it('TaskDone: what was sent may be asked for again', () => {
    const bench = letters()
    for (let round = 0; round < 2; round += 1) {
      bench.ask(entries('block', 'a'))
      expect(said(bench)).toEqual({ ...nothing, blocks: 'a' })
    }
  })

  it('PushPopEqualTaskPriorities: first in, first out', () => {
    const bench = letters()
    for (const letter of 'zcm') bench.ask([entry(code(letter))])
    expect(bench.say()).toEqual(Array.from('zcm').map((letter) => `block ${code(letter)}`))
  })
})

describe('taskmerger_test.go', () => {
  /** What each row of the table of §4.9.3 makes of a second want for the same block. */
  it.each([
    ['block −', 'have +', 'block'],
    ['block −', 'block +', 'block'],
    ['block +', 'have +', 'block'],
    ['have −', 'block −', 'dont-have'],
    ['have −', 'have +', 'have'],
    ['have −', 'block +', 'block'],
    ['have +', 'block +', 'block'],
    ['have +', 'have +', 'have']
  ] as const)('PushHaveVsBlock, PushSizeInfo: %s, then %s, is %s', (before, after, answer) => {
    const bench = new Bench({ wantHaveReplaceBytes: 0 })
    for (const kind of [before, after]) {
      if (kind.endsWith('+')) bench.sizes.set(1, 100)
      bench.ask([entry(1, { type: kind.startsWith('block') ? 'block' : 'have' })])
    }
    expect(bench.say()).toEqual([`${answer} 1`])
    expect(bench.say()).toEqual([])
  })
  it.each([
    ['block −', 'block −', undefined],
    ['block −', 'have −', undefined],
    ['block −', 'block +', 'block'],
    ['block −', 'have +', 'have'],
    ['have −', 'have −', undefined],
    ['have −', 'block −', 'dont-have'],
    ['have −', 'block +', 'block'],
    ['have −', 'have +', 'have'],
    ['have +', 'have +', undefined],
    ['have +', 'block +', 'block'],
    ['block +', 'block +', undefined],
    ['block +', 'have +', undefined]
  ] as const)('PushHaveVsBlockActive, PushSizeInfoActive: %s on its way, then %s, is %s', (before, after, answer) => {
    const bench = new Bench({ wantHaveReplaceBytes: 0 })
    const ask = (kind: string): void => {
      if (kind.endsWith('+')) bench.sizes.set(1, 100)
      bench.ask([entry(1, { type: kind.startsWith('block') ? 'block' : 'have' })])
    }
    ask(before)
    const sending = bench.engine.next('p')
    ask(after)
    bench.engine.sent('p', sending?.tasks ?? [])
    expect(bench.say()).toEqual(answer === undefined ? [] : [`${answer} 1`])
  })
})
