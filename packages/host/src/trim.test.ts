import { describe, expect, it } from 'vitest'
import { chooseToTrim, type TrimCandidate } from './trim.ts'

const marks = { highWater: 4, lowWater: 2, gracePeriodMs: 100 }
const candidate = (connection: string, openedMs: number, value = 0, kept = false): TrimCandidate<string> => ({
  connection,
  openedMs,
  value,
  kept
})

describe('chooseToTrim', () => {
  it('leaves connections alone up to the high-water mark', () => {
    expect(
      chooseToTrim(
        ['a', 'b', 'c', 'd'].map((name) => candidate(name, 0)),
        marks,
        1000
      )
    ).toEqual([])
  })

  it('closes down to the low-water mark: the least valuable first, then the youngest', () => {
    const all = [
      candidate('old', 1),
      candidate('young', 5),
      candidate('dear', 9, 3),
      candidate('a', 2),
      candidate('b', 3)
    ]
    expect(chooseToTrim(all, marks, 1000)).toEqual(['young', 'b', 'a'])
  })

  it('spares kept ones and those in their grace period, even if too many stay', () => {
    const all = [
      candidate('kept', 0, 0, true),
      candidate('new', 950),
      candidate('a', 0, 1),
      candidate('b', 901),
      candidate('c', 900)
    ]
    expect(chooseToTrim(all, marks, 1000)).toEqual(['c', 'a'])
  })
})
