import type { PinsetChange } from '@cluster/api'
import { testCid } from '@cluster/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pin, rest, unpin, World } from './crdt.fixture.ts'
import type { CrdtConsensus } from './index.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await world.stop()
})

/** Reads changes as they come; texts such as `pin 3 name`. */
function follow(consensus: CrdtConsensus): string[] {
  const told: string[] = []
  const nameOf = (change: PinsetChange): string => {
    if (change.type === 'resync') return 'resync'
    const cid = change.type === 'pin' ? change.pin.cid : change.cid
    const index = Array.from({ length: 100 }, (_, at) => at).find((at) => testCid(at).equals(cid)) ?? -1
    return `${change.type} ${index.toString()}${change.type === 'pin' ? ` ${change.pin.name}` : ''}`
  }
  void (async () => {
    for await (const changes of consensus.changes({})) told.push(...changes.map(nameOf))
  })()
  return told
}

describe('changes of the pinset', () => {
  test('of others come after their write, one for each CID, with what is in the pinset then', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA)
    const b = await world.start(contextB)
    await a.commit([pin(9)], {})
    await rest()
    const told = follow(b)
    await rest()
    expect(told).toEqual(['resync'])
    await a.commit([pin(1, 'x'), pin(2, 'x')], {})
    await rest()
    expect(told.slice(1).sort()).toEqual(['pin 1 x', 'pin 2 x'])
    world.cut.add(contextB.self)
    await a.commit([pin(1, 'y')], {})
    await a.commit([pin(1, 'z')], {})
    await a.commit([unpin(2)], {})
    world.cut.clear()
    await a.commit([pin(3, 'w')], {})
    await rest()
    expect(told.slice(3).sort()).toEqual(['pin 1 z', 'pin 3 w', 'unpin 2'])
  })

  test('a removal that a concurrent pin survives is told as a pin', async () => {
    const [contextA, contextB] = [world.peer(1), world.peer(2)]
    const a = await world.start(contextA)
    const b = await world.start(contextB)
    await a.commit([pin(1, 'old')], {})
    await rest()
    const told = follow(b)
    await rest()
    world.cut.add(contextB.self)
    await b.commit([pin(1, 'new')], {})
    await a.commit([unpin(1)], {})
    await rest()
    world.cut.clear()
    await a.commit([pin(2)], {})
    await rest()
    expect(told.filter((text) => text.includes(' 1'))).toEqual(['pin 1 new', 'pin 1 new'])
    expect(await b.pinset.get(testCid(1), {})).toMatchObject({ name: 'new' })
  })

  test('are quiet in a first sync: one resync tells of all of it', async () => {
    const a = await world.start(world.peer(1))
    for (let index = 0; index < 30; index += 1) await a.commit([pin(index)], {})
    for (let index = 0; index < 10; index += 1) await a.commit([unpin(index)], {})
    const b = await world.start(world.peer(2))
    const told = follow(b)
    await rest()
    await world.clock.advance(5000)
    await rest()
    expect(told).toEqual(['resync', 'resync'])
    await a.commit([pin(50, 'later')], {})
    await rest()
    expect(told.at(-1)).toBe('pin 50 later')
    expect(told).toHaveLength(3)
  })
})
