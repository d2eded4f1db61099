import { describe, expect, it } from 'vitest'
import { parseCid } from '../cid/parse.ts'
import { MAX_BLOCK_BYTES } from '../wire/constants.ts'
import { Bench, cid, entry } from './engine-bench.fixture.ts'

describe('answers', () => {
  it('are blocks, HAVE, DONT_HAVE or nothing', () => {
    const bench = new Bench()
    for (const [number, size] of [
      [1, 2000],
      [2, 2000],
      [3, 1024],
      [4, 1025]
    ] as const) {
      bench.store(number, size)
    }
    bench.ask([entry(1), ...[2, 3, 4].map((number) => entry(number, { type: 'have' })), entry(5)])
    bench.ask([entry(6, { sendDontHave: false })])
    expect(bench.say().sort()).toEqual(['block 1', 'block 3', 'dont-have 5', 'have 2', 'have 4'])
    expect(bench.wants()).toEqual([5, 6])
  })

  it('come by priority, then by age', () => {
    const bench = new Bench({ targetMessageBytes: 1 })
    for (let number = 0; number < 6; number += 1) bench.store(number, 2000)
    bench.ask([entry(0), entry(1, { priority: 5 }), entry(2), entry(3, { priority: 9 }), entry(4), entry(5)])
    const said: string[] = []
    for (let message = bench.say(); message.length > 0; message = bench.say()) said.push(...message)
    expect(said).toEqual([3, 1, 0, 2, 4, 5].map((number) => `block ${number}`))
  })

  it('fill a message up to the target, and tell what is left', () => {
    const bench = new Bench({ targetMessageBytes: 16_384 })
    for (let number = 0; number < 20; number += 1) bench.store(number, 2000)
    bench.ask(Array.from({ length: 20 }, (_, number) => entry(number)))
    const first = bench.engine.next('p')
    expect(first?.tasks.length).toBe(9)
    expect(first?.pendingBytes).toBe(11 * (2000 + 44))
    expect(bench.engine.next('p')?.tasks.length).toBe(9)
    const last = bench.engine.next('p')
    expect([last?.tasks.length, last?.pendingBytes]).toEqual([2, 0])
    expect(bench.engine.next('p')).toBeUndefined()
  })

  it('are queued again when they did not leave, and forgotten when they did', () => {
    const bench = new Bench()
    bench.store(1, 2000)
    bench.ask([entry(1)])
    const envelope = bench.engine.next('p')
    if (envelope === undefined) throw new Error('no answer')
    expect(bench.engine.hasWork('p')).toBe(false)
    bench.engine.failed('p', envelope.tasks)
    expect(bench.say()).toEqual(['block 1'])
    expect(bench.wants()).toEqual([])
  })

  it('for a block that is gone when its turn comes are DONT_HAVE', () => {
    const bench = new Bench()
    bench.store(1, 2000)
    bench.ask([entry(1)])
    const [task] = bench.engine.next('p')?.tasks ?? []
    if (task === undefined) throw new Error('no answer')
    expect(bench.engine.vanished(task)?.answer).toBe('dont-have')
    bench.engine.sent('p', [task])
  })

  it('never carry a block that fits no frame', () => {
    const bench = new Bench()
    bench.sizes.set(1, MAX_BLOCK_BYTES + 1)
    bench.sizes.set(2, MAX_BLOCK_BYTES)
    bench.ask([entry(1), entry(2)])
    expect([...bench.say(), ...bench.say()].sort()).toEqual(['block 2', 'dont-have 1'])
  })
})

describe('a want', () => {
  it('is answered once the block comes, unless it was taken back', () => {
    const bench = new Bench()
    bench.ask([entry(1), entry(2), entry(3, { type: 'have' })])
    expect(bench.say().length).toBe(3)
    bench.ask([entry(2, { cancel: true })])
    for (const number of [1, 2, 3]) bench.store(number, 2000)
    expect(bench.say().sort()).toEqual(['block 1', 'have 3'])
    expect(bench.wants()).toEqual([])
  })

  it('that is cancelled before its answer left gets none', () => {
    const bench = new Bench()
    bench.store(1, 2000)
    bench.ask([entry(1)])
    bench.ask([entry(1, { cancel: true })])
    expect(bench.say()).toEqual([])
  })

  it('merges with others of the same CID in a message: cancel sticks, block beats have', () => {
    const bench = new Bench()
    bench.store(1, 2000)
    bench.store(2, 2000)
    bench.ask([entry(1), entry(1, { cancel: true }), entry(2, { type: 'have' }), entry(2)])
    expect(bench.say()).toEqual(['block 2'])
  })

  it('for the block while the HAVE is on its way is answered with the block after it', () => {
    const bench = new Bench()
    bench.store(1, 2000)
    bench.ask([entry(1, { type: 'have' })])
    const envelope = bench.engine.next('p')
    bench.ask([entry(1)])
    bench.engine.sent('p', envelope?.tasks ?? [])
    expect(bench.say()).toEqual(['block 1'])
  })

  it('whose block is announced while DONT_HAVE is on its way gets the block after it', () => {
    const bench = new Bench()
    bench.ask([entry(1)])
    const envelope = bench.engine.next('p')
    bench.store(1, 2000)
    bench.engine.sent('p', envelope?.tasks ?? [])
    expect(bench.say()).toEqual(['block 1'])
  })

  it('whose block is announced while it is looked up does not miss it', () => {
    const bench = new Bench()
    const [want] = bench.engine.received('p', [entry(1)], false)
    if (want === undefined) throw new Error('no want')
    bench.store(1, 2000)
    bench.engine.found('p', want, undefined)
    expect(bench.say()).toEqual(['block 1'])
  })

  it('of identity or longer than 168 bytes is ignored', () => {
    const bench = new Bench()
    const inline = parseCid(Uint8Array.of(1, 0x55, 0, 1, 7))
    const long = parseCid(Uint8Array.from([1, 0x55, 0x12, 0xa6, 1, ...new Uint8Array(166)]))
    if (inline === undefined || long === undefined) throw new Error('no cid')
    bench.ask([entry(1, { cid: inline }), entry(1, { cid: long })])
    expect(bench.wants()).toEqual([])
    expect(bench.say()).toEqual([])
  })

  it('that the filter denies gets DONT_HAVE, also when the block comes', () => {
    const bench = new Bench({ mayHave: (_, { key }) => key !== cid(1).key })
    bench.store(1, 2000)
    bench.ask([entry(1), entry(2)])
    expect(bench.say().sort()).toEqual(['dont-have 1', 'dont-have 2'])
    bench.ask([entry(1, { sendDontHave: false })])
    bench.store(1, 2000)
    expect(bench.say()).toEqual([])
    expect(bench.wants()).toEqual([2])
  })
})

describe('the ledger of a peer', () => {
  it('begins anew with a full list', () => {
    const bench = new Bench()
    bench.ask([entry(1), entry(2)])
    bench.say()
    bench.ask([entry(3)], true)
    expect(bench.wants()).toEqual([3])
    bench.store(1, 2000)
    expect(bench.say()).toEqual(['dont-have 3'])
  })

  it('does not hold the frames in memory that brought its wants', () => {
    const bench = new Bench()
    const frame = new Uint8Array(100_000)
    frame.set(cid(1).bytes, 500)
    const parsed = parseCid(frame.subarray(500, 536))
    if (parsed === undefined) throw new Error('no cid')
    bench.ask([entry(1, { cid: parsed })])
    for (const want of bench.engine.wantlist('p')) expect(want.cid.bytes.buffer.byteLength).toBe(36)
    expect(bench.wants()).toEqual([1])
  })

  it('is gone with the peer', () => {
    const bench = new Bench()
    bench.ask([entry(1)])
    bench.engine.peerDisconnected('p')
    bench.engine.peerConnected('p')
    bench.store(1, 2000)
    expect(bench.say()).toEqual([])
    expect(bench.engine.isWanted(cid(1).key)).toBe(false)
  })

  it('keeps the best when too many come at once', () => {
    const bench = new Bench({ maxWantsPerPeer: 3 })
    bench.ask([1, 2, 3, 4, 5].map((number) => entry(number, { priority: number })))
    expect(bench.wants()).toEqual([3, 4, 5])
  })

  it('gives the place of missing blocks to new wants, then that of lower priorities', () => {
    const bench = new Bench({ maxWantsPerPeer: 2 })
    bench.store(2, 2000)
    bench.ask([entry(1, { priority: 9 }), entry(2, { priority: 5 })])
    bench.ask([entry(3, { priority: 1 })])
    expect(bench.wants()).toEqual([2, 3])
    bench.say()
    bench.ask([entry(4, { priority: 7 }), entry(5, { priority: 6 })])
    expect(bench.wants()).toEqual([4, 5])
  })

  it('has its share of what all peers may have', () => {
    const bench = new Bench({ remoteWants: 2 })
    bench.engine.peerConnected('q')
    expect(bench.engine.received('q', [entry(1)], false).length).toBe(1)
    bench.ask([entry(1), entry(2), entry(3)])
    expect(bench.wants()).toEqual([1])
  })

  it('stays bounded when wants come and go', () => {
    const bench = new Bench({ maxWantsPerPeer: 4 })
    for (let number = 0; number < 4; number += 1) bench.store(number, 2000)
    for (let round = 1; round < 1000; round += 1) {
      const number = round % 4
      bench.ask([entry(number, { cancel: true })])
      bench.ask([entry(number, { priority: round })])
    }
    const said: string[] = []
    for (let message = bench.say(); message.length > 0; message = bench.say()) said.push(...message)
    expect(said).toEqual([3, 2, 1, 0].map((number) => `block ${number}`))
  })
})
