import { testCid } from '@cluster/testing'
import { pinOf } from '@cluster/api'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Entry } from './operation.ts'
import { OperationQueue } from './operation-queue.ts'
import { WaitingLine } from './waiting-line.ts'

/** Entries as the queue makes them. */
function entry(index: number): Entry {
  const queue = new OperationQueue({
    maxPinQueueSize: 1,
    concurrentPins: 1,
    priorityPinMaxAgeMs: 1,
    priorityPinMaxRetries: 1
  })
  queue.submit({ key: String(index), type: 'pin', pin: pinOf(testCid(1)), attempts: 0 }, 0)
  const operation = queue.next(0)
  if (operation === undefined) throw new Error('nothing to do')
  return operation as Entry
}

it('keeps the order of coming, whoever leaves', () => {
  const entries = Array.from({ length: 8 }, (_, index) => entry(index))
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 7 })), (moves) => {
      const line = new WaitingLine()
      let model: number[] = []
      for (const index of moves) {
        const each = entries[index]
        if (each === undefined) continue
        if (model.includes(index)) line.remove(each)
        else line.push(each)
        model = model.includes(index) ? model.filter((other) => other !== index) : [...model, index]
        expect(line.size).toBe(model.length)
        expect(line.first?.key).toBe(model[0] === undefined ? undefined : String(model[0]))
      }
      const left: string[] = []
      for (let first = line.first; first !== undefined; first = line.first) {
        left.push(first.key)
        line.remove(first)
        line.remove(first)
      }
      expect(left).toEqual(model.map(String))
    })
  )
})
