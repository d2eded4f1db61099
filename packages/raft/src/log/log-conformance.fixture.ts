import { expect, test } from 'vitest'
import type { LogEntry } from '../entry.ts'
import type { RaftLog } from '../ports.ts'
import { sealEntry } from '../wire/entry.ts'

/** A command of that index and term. */
export function testEntry(index: number, term: number, text = `${index}/${term}`): LogEntry {
  const data = new TextEncoder().encode(text)
  return sealEntry({ index, term, type: 0, data, extensions: undefined, appendedAt: undefined })
}

/** Where a log is. */
interface LogUnderTest {
  open(): Promise<RaftLog>
}

/** What every log must do. @see wire-raft.md §6.3 */
export function logConformance(make: () => Promise<LogUnderTest>): void {
  const entries = (from: number, to: number, term: number): LogEntry[] =>
    Array.from({ length: to - from + 1 }, (_, at) => testEntry(from + at, term))
  const termsOf = (log: RaftLog): (number | undefined)[] =>
    Array.from({ length: log.lastIndex - log.firstIndex + 1 }, (_, at) => log.termAt(log.firstIndex + at))

  /** A read may give less than was asked for. */
  const readAll = async (log: RaftLog, from: number, to: number): Promise<LogEntry[]> => {
    const all: LogEntry[] = []
    for (let next = from; next <= to;) {
      const some = await log.read(next, to, 1e6)
      if (some === undefined) break
      all.push(...some)
      next += some.length
    }
    return all
  }

  test('is empty at first', async () => {
    const place = await make()
    const log = await place.open()
    expect([log.firstIndex, log.lastIndex, log.terms()]).toEqual([1, 0, []])
    expect(log.getStable()).toEqual({ term: 0, voteTerm: 0, vote: '' })
    expect(await log.read(1, 10, 100)).toBe(undefined)
    await log.close()
  })

  test('keeps entries, term and vote', async () => {
    const place = await make()
    const log = await place.open()
    await log.setStable({ term: 7, voteTerm: 6, vote: 'somebody' })
    await log.append([...entries(1, 3, 1), ...entries(4, 5, 2)])
    await log.append(entries(6, 6, 7))
    await log.setStable({ term: 8, voteTerm: 8, vote: 'another' })
    await log.close()
    const again = await place.open()
    expect(again.getStable()).toEqual({ term: 8, voteTerm: 8, vote: 'another' })
    expect(again.terms()).toEqual([
      { from: 1, term: 1 },
      { from: 4, term: 2 },
      { from: 6, term: 7 }
    ])
    expect(await readAll(again, 1, 6)).toEqual([...entries(1, 3, 1), ...entries(4, 5, 2), ...entries(6, 6, 7)])
    expect(again.termAt(7)).toBe(undefined)
    await again.close()
  })

  test('reads as much as asked, at least one', async () => {
    const log = await (await make()).open()
    const all = entries(1, 10, 1)
    await log.append(all)
    expect(await log.read(3, 5, 1e6)).toEqual(all.slice(2, 5))
    expect(await log.read(3, 5, 1)).toEqual(all.slice(2, 3))
    expect(await log.read(9, 99, (all[0]?.encoded.length ?? 0) * 2 + 4)).toEqual(all.slice(8))
    expect(await log.read(11, 12, 10)).toBe(undefined)
    await log.close()
  })

  test('drops the end and goes on in one step', async () => {
    const place = await make()
    const log = await place.open()
    await log.append(entries(1, 9, 1))
    await log.append(entries(4, 6, 2), 4)
    expect(termsOf(log)).toEqual([1, 1, 1, 2, 2, 2])
    await log.append([], 2)
    await log.append(entries(2, 2, 3))
    await log.close()
    const again = await place.open()
    expect(termsOf(again)).toEqual([1, 3])
    expect(await readAll(again, 1, 5)).toEqual([testEntry(1, 1), testEntry(2, 3)])
    await again.close()
  })

  test('drops the beginning', async () => {
    const place = await make()
    const log = await place.open()
    await log.append([...entries(1, 50, 1), ...entries(51, 100, 2)])
    await log.truncateHead(60)
    expect([log.firstIndex, log.lastIndex, log.termAt(60), log.terms()]).toEqual([
      61,
      100,
      undefined,
      [{ from: 61, term: 2 }]
    ])
    await log.truncateHead(10)
    expect(log.firstIndex).toBe(61)
    await log.append(entries(101, 101, 3))
    await log.truncateHead(500)
    expect([log.firstIndex, log.lastIndex]).toEqual([102, 101])
    await log.append(entries(102, 103, 3))
    await log.close()
    const again = await place.open()
    expect([again.firstIndex, again.lastIndex]).toEqual([102, 103])
    expect(await readAll(again, 102, 103)).toEqual(entries(102, 103, 3))
    await again.close()
  })

  test('drops all and goes on anywhere', async () => {
    const place = await make()
    const log = await place.open()
    await log.append(entries(1, 5, 1))
    await log.reset(1000)
    expect([log.firstIndex, log.lastIndex, log.terms()]).toEqual([1000, 999, []])
    await log.close()
    const again = await place.open()
    expect([again.firstIndex, again.lastIndex]).toEqual([1000, 999])
    await again.append(entries(1000, 1001, 4))
    await again.reset(3)
    await again.append(entries(3, 3, 5))
    expect(termsOf(again)).toEqual([5])
    await again.close()
  })

  test('refuses a gap, and goes on', async () => {
    const log = await (await make()).open()
    await expect(log.append(entries(2, 2, 1))).rejects.toThrow(RangeError)
    await log.append(entries(1, 1, 1))
    expect(log.lastIndex).toBe(1)
    await log.close()
  })

  test('keeps large entries among small ones', async () => {
    const place = await make()
    const log = await place.open()
    const large = testEntry(2, 1, 'x'.repeat(100_000))
    await log.append([testEntry(1, 1), large, testEntry(3, 1)])
    await log.close()
    const again = await place.open()
    expect(await again.read(2, 2, 1)).toEqual([large])
    await again.close()
  })

  test('writes nothing once it is closed', async () => {
    const log = await (await make()).open()
    await log.close()
    await expect(log.append(entries(1, 1, 1))).rejects.toMatchObject({ code: 'RAFT_STORAGE_FAILED' })
    await expect(log.setStable({ term: 1, voteTerm: 0, vote: '' })).rejects.toMatchObject({
      code: 'RAFT_STORAGE_FAILED'
    })
  })
}
