import { describe, expect, it } from 'vitest'
import { MAX_GROUP_KEYS, ReadQueue } from './read-queue.ts'

/** A reader whose calls end when told to. */
function heldReader() {
  const calls: { keys: string[]; end: () => void; fail: (error: Error) => void }[] = []
  const queue = new ReadQueue<string, string>((keys) => {
    const { promise, resolve, reject } = Promise.withResolvers<string[]>()
    calls.push({
      keys,
      end: () => {
        resolve(keys.map((key) => `value of ${key}`))
      },
      fail: reject
    })
    return promise
  })
  const call = (index: number) => {
    const found = calls[index]
    if (found === undefined) throw new Error(`there are ${calls.length} calls`)
    return found
  }
  return { queue, calls, call }
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('ReadQueue', () => {
  it('reads what is asked for in one tick together, and gives everybody their own', async () => {
    const { queue, calls, call } = heldReader()
    const answers = Promise.all([queue.read(['a']), queue.read(['b', 'c']), queue.read([])])
    await soon()
    expect(calls.map(({ keys }) => keys)).toEqual([['a', 'b', 'c']])
    call(0).end()
    expect(await answers).toEqual([['value of a'], ['value of b', 'value of c'], []])
  })

  it('gathers while two reads are under way, so that one slow read holds up nobody', async () => {
    const { queue, calls, call } = heldReader()
    const slow = queue.read(['slow'])
    await soon()
    const second = queue.read(['second'])
    await soon()
    const rest = Promise.all(['x', 'y', 'z'].map((key) => queue.read([key])))
    await soon()
    expect(calls).toHaveLength(2)
    call(1).end()
    await second
    await soon()
    expect(call(2).keys).toEqual(['x', 'y', 'z'])
    call(2).end()
    expect(await rest).toHaveLength(3)
    call(0).end()
    await slow
  })

  it('reads alone what failed together', async () => {
    const { queue, call } = heldReader()
    const good = queue.read(['good'])
    const bad = queue.read(['bad'])
    const failed = expect(bad).rejects.toThrow('damaged')
    await soon()
    call(0).fail(new Error('damaged'))
    await soon()
    expect(call(1).keys).toEqual(['good'])
    call(1).end()
    await soon()
    expect(call(2).keys).toEqual(['bad'])
    call(2).fail(new Error('damaged'))
    expect(await good).toEqual(['value of good'])
    await failed
  })

  it('holds groups small', async () => {
    const { queue, calls } = heldReader()
    for (let index = 0; index < 3; index++) void queue.read(Array.from({ length: MAX_GROUP_KEYS / 2 }, () => 'k'))
    await soon()
    expect(calls.map(({ keys }) => keys.length)).toEqual([MAX_GROUP_KEYS, MAX_GROUP_KEYS / 2])
  })
})
