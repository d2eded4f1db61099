import { Key } from 'interface-datastore'
import { expect, test } from 'vitest'
import { CommitQueue, MAX_GROUP_BYTES, MAX_QUEUED_BYTES } from './commit-queue.ts'
import type { DatastoreOperation } from './peer-datastore.ts'

interface Write {
  keys: string[]
  sync: boolean
  done: () => void
  fail: (error: Error) => void
}
function recorder(): { queue: CommitQueue; writes: Write[]; next: () => Promise<Write> } {
  const writes: Write[] = []
  let wake: (() => void) | undefined
  const queue = new CommitQueue(
    (commits, sync) =>
      new Promise((done, fail) => {
        const keys = commits.flat().map((operation) => ('put' in operation ? operation.put.key : operation.delete))
        writes.push({ keys: keys.map((key) => key.toString()), sync, done, fail })
        wake?.()
      })
  )
  let seen = 0
  const next = async (): Promise<Write> => {
    for (;;) {
      const write = writes[seen]
      if (write !== undefined) {
        seen += 1
        return write
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { queue, writes, next }
}
const put = (key: string, size = 0): DatastoreOperation => ({
  put: { key: new Key(key), value: new Uint8Array(size) }
})

test('commits that arrive while one is written go out together, with one sync', async () => {
  const { queue, writes, next } = recorder()
  const first = queue.commit([put('/a')], false)
  const one = await next()
  expect(one).toMatchObject({ keys: ['/a'], sync: false })
  const rest = [queue.commit([put('/b')], false), queue.commit([put('/c'), put('/d')], true)]
  one.done()
  await first
  const two = await next()
  expect(two).toMatchObject({ keys: ['/b', '/c', '/d'], sync: true })
  two.done()
  await Promise.all(rest)
  await queue.idle()
  expect(writes).toHaveLength(2)
})

test('a failed group fails its callers only', async () => {
  const { queue, next } = recorder()
  const first = queue.commit([put('/a')], true)
  const one = await next()
  const second = queue.commit([put('/b')], true)
  one.fail(new Error('disk full'))
  await expect(first).rejects.toMatchObject({
    code: 'ERR_DATASTORE_WRITE',
    message: 'datastore: cannot write: disk full'
  })
  ;(await next()).done()
  await second
})

test('a group is bounded', async () => {
  const { queue, next } = recorder()
  const size = MAX_GROUP_BYTES / 2
  const commits = ['/a', '/b', '/c'].map((key) => queue.commit([put(key, size)], true))
  const sizes: number[] = []
  for (let left = 3; left > 0;) {
    const write = await next()
    sizes.push(write.keys.length)
    left -= write.keys.length
    write.done()
  }
  await Promise.all(commits)
  expect(sizes).toEqual([1, 1, 1])
})

test('too much waiting data is refused, and taken again once it is written', async () => {
  const { queue, next } = recorder()
  const large = new Uint8Array(MAX_QUEUED_BYTES - 10)
  const first = queue.commit([{ put: { key: new Key('/a'), value: large } }], true)
  await expect(queue.commit([put('/b', 100)], true)).rejects.toMatchObject({ code: 'ERR_DATASTORE_BUSY' })
  ;(await next()).done()
  await first
  const again = queue.commit([put('/b', 100)], true)
  ;(await next()).done()
  await again
})
