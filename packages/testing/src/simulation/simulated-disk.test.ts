import { Key } from 'interface-datastore'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../seeded-random.ts'
import { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedDatastore } from './simulated-datastore.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string): { put: { key: Key; value: Uint8Array } } => ({
  put: { key: new Key(key), value: bytes(key) }
})

function disks(seed: number): { clock: SimulatedClock; disk: SimulatedDisk } {
  const clock = new SimulatedClock(0)
  return { clock, disk: new SimulatedDisk(clock, seededRandom(seed)) }
}
async function during<T>(clock: SimulatedClock, task: Promise<T>): Promise<T> {
  await clock.advance(1000)
  return task
}
const keysOf = (disk: SimulatedDisk): string[] => [...disk.entries].map(([text]) => text)

test('it is a datastore: values, ranges in byte order, namespaces', async () => {
  const { clock, disk } = disks(1)
  const store = disk.mount()
  await during(clock, store.commit([put('/b'), put('/a/1'), put('/a'), put('/é')], { durable: true }))
  expect(await during(clock, store.get(new Key('/a')))).toEqual(bytes('/a'))
  expect(await during(clock, store.has(new Key('/c')))).toBe(false)
  await expect(during(clock, store.get(new Key('/c')))).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  expect(await during(clock, store.readMany([new Key('/c'), new Key('/b')]))).toEqual([undefined, bytes('/b')])
  const listed = async (of: Pick<SimulatedDatastore, 'scan'>): Promise<string[]> => {
    const keys: string[] = []
    const range = { gte: new Key('/'), lt: new Key('/\u{10ffff}') }
    for await (const page of of.scan(range, {})) for (const { key } of page) keys.push(key.toString())
    return keys
  }
  expect(await during(clock, listed(store))).toEqual(['/a', '/a/1', '/b', '/é'])
  expect(await during(clock, listed(store.namespace(new Key('/a'))))).toEqual(['/1'])
})

test('commits take effect one after the other, in the order of the calls', async () => {
  const { clock, disk } = disks(2)
  const store = disk.mount()
  const done: number[] = []
  for (let index = 0; index < 20; index += 1) {
    void store.commit([put(`/${index}`)], { durable: index % 3 === 0 }).then(() => done.push(index))
  }
  await clock.advance(1000)
  expect(done).toEqual(Array.from({ length: 20 }, (_, index) => index))
})

describe('a power loss', () => {
  test('takes no commit that was durable, and each of the others as a whole or not at all', async () => {
    let lost = 0
    for (let seed = 1; seed <= 200; seed += 1) {
      const { clock, disk } = disks(seed)
      const store = disk.mount()
      await during(clock, store.commit([put('/durable')], { durable: true }))
      await during(clock, store.commit([put('/loose/1'), put('/loose/2')], { durable: false }))
      expect(disk.isSafe('/durable')).toBe(true)
      expect(disk.isSafe('/loose/1')).toBe(false)
      lost += disk.losePower()
      expect([1, 3]).toContain(keysOf(disk).length)
      expect(keysOf(disk)[0]).toBe('/durable')
    }
    expect(lost).toBeGreaterThan(20)
    expect(lost).toBeLessThan(180)
  })

  test('can take an earlier commit and leave a later, durable one, if a new log was begun in between', async () => {
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 1000; seed += 1) {
      const { clock, disk } = disks(seed)
      const store = disk.mount()
      await during(clock, store.commit([put('/a')], { durable: false }))
      await during(clock, store.commit([put('/b')], { durable: true }))
      disk.losePower()
      outcomes.add(keysOf(disk).join(' '))
    }
    expect([...outcomes].sort()).toEqual(['/a /b', '/b'])
  })

  test('restores what an overwritten or deleted entry was', async () => {
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 50; seed += 1) {
      const { clock, disk } = disks(seed)
      const store = disk.mount()
      await during(clock, store.commit([put('/a'), put('/b')], { durable: true }))
      await during(clock, store.commit([{ delete: new Key('/a') }], { durable: false }))
      disk.losePower()
      outcomes.add(keysOf(disk).join(' '))
    }
    expect([...outcomes].sort()).toEqual(['/a /b', '/b'])
  })
})

test('a process that was killed gets no answers; what it wrote stays; the next one reads it', async () => {
  const { clock, disk } = disks(3)
  const store = disk.mount()
  await during(clock, store.commit([put('/a')], { durable: false }))
  let isAnswered = false
  const answered = (): void => {
    isAnswered = true
  }
  disk.kill()
  void store.has(new Key('/a')).then(answered)
  void store.commit([put('/b')], { durable: true }).then(answered)
  await clock.advance(1000)
  expect(isAnswered).toBe(false)
  expect(disk.isSafe('/a')).toBe(true)
  expect(await during(clock, disk.mount().has(new Key('/a')))).toBe(true)
})

test.for([true, false])('a crash happens at the planned commit: before it takes effect %s', async (isBefore) => {
  const { clock, disk } = disks(4)
  const store = disk.mount()
  const done: string[] = []
  disk.planCrash({
    afterCommits: 2,
    isBefore,
    crash: () => {
      disk.kill()
    }
  })
  await during(clock, store.commit([put('/1')], { durable: true }))
  void store.commit([put('/2')], { durable: true }).then(() => done.push('/2'))
  await clock.advance(1000)
  expect(done).toEqual([])
  expect(disk.commits).toBe(isBefore ? 1 : 2)
})

test('a full disk refuses, and nothing of the commit is there', async () => {
  const { clock, disk } = disks(5)
  const store = disk.mount()
  disk.weather.writeErrors = 1
  const refused = expect(store.commit([put('/a')], { durable: true })).rejects.toThrow('no space left')
  await clock.advance(1000)
  await refused
  expect(keysOf(disk)).toEqual([])
})
