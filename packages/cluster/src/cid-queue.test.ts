import { settle } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { createCidQueue, MAX_WAITING_PER_CID } from './cid-queue.ts'

const A = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const B = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmma')

it('keeps operations on one CID apart, and others side by side', async () => {
  const queue = createCidQueue()
  const gate = Promise.withResolvers<undefined>()
  const done: string[] = []
  const first = queue.run(A, undefined, async () => {
    await gate.promise
    done.push('first')
  })
  const second = queue.run(A, undefined, () => Promise.resolve(done.push('second')))
  await queue.run(B, undefined, () => Promise.resolve(done.push('other')))
  expect(done).toEqual(['other'])
  gate.resolve(undefined)
  await Promise.all([first, second])
  expect(done).toEqual(['other', 'first', 'second'])
})

it('goes on after a failure, and skips who gave up waiting', async () => {
  const queue = createCidQueue()
  const gate = Promise.withResolvers<undefined>()
  const impatient = new AbortController()
  const failing = queue.run(A, undefined, async () => {
    await gate.promise
    throw new Error('no')
  })
  let ran = false
  const skipped = queue.run(A, impatient.signal, () => {
    ran = true
    return Promise.resolve()
  })
  const last = queue.run(A, undefined, () => Promise.resolve('last'))
  impatient.abort()
  await expect(skipped).rejects.toMatchObject({ code: 'ABORTED' })
  gate.resolve(undefined)
  await expect(failing).rejects.toThrow('no')
  expect(await last).toBe('last')
  expect(ran).toBe(false)
})

it('refuses more than it can hold', async () => {
  const refused: string[] = []
  const queue = createCidQueue(({ code }) => refused.push(code))
  const gate = Promise.withResolvers<undefined>()
  const waiting = Array.from({ length: MAX_WAITING_PER_CID }, () => queue.run(A, undefined, () => gate.promise))
  await expect(queue.run(A, undefined, () => gate.promise)).rejects.toMatchObject({ code: 'LIMIT' })
  expect(refused).toEqual(['LIMIT'])
  gate.resolve(undefined)
  await Promise.all(waiting)
  await settle()
  expect(await queue.run(A, undefined, () => Promise.resolve(1))).toBe(1)
})
