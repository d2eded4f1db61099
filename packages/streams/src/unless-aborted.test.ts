import { expect, test } from 'vitest'
import { unlessAborted } from './index.ts'

test('the value or the error of the promise, whoever comes first', async () => {
  const { signal } = new AbortController()
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1)
  expect(await unlessAborted(Promise.resolve(1), undefined)).toBe(1)
  await expect(unlessAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed')
})

test('an abort ends the wait, and what fails later troubles nobody', async () => {
  const controller = new AbortController()
  const { promise, reject } = Promise.withResolvers<number>()
  const waiting = unlessAborted(promise, controller.signal)
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(unlessAborted(promise, controller.signal)).rejects.toBe(reason)
  reject(new Error('failed'))
  await promise.catch(() => undefined)
})

test('a reason that is no error becomes one', async () => {
  const controller = new AbortController()
  controller.abort('enough')
  await expect(unlessAborted(new Promise(() => undefined), controller.signal)).rejects.toThrow('enough')
})
