import { itemsOf } from '@cluster/api'
import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { MemoryDatastore } from './memory-datastore.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string, value = key) => ({ put: { key: new Key(key), value: bytes(value) } })
const all = { gte: new Key('/'), lt: new Key('/\u{10ffff}') }

async function keys(store: MemoryDatastore, range: Parameters<MemoryDatastore['scan']>[0] = all): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of itemsOf(store.scan(range, {}))) found.push(key.toString())
  return found
}

describe('MemoryDatastore', () => {
  it('scans in the order of the bytes of the keys, not of UTF-16', async () => {
    const store = new MemoryDatastore()
    const texts = ['/b', '/a/z', '/\u{1f600}', '/\uffee', '/a', '/B']
    await store.commit(
      texts.map((text) => put(text)),
      { durable: true }
    )
    expect(await keys(store)).toEqual(['/B', '/a', '/a/z', '/b', '/\uffee', '/\u{1f600}'])
    expect(await keys(store, { gte: new Key('/a'), lt: new Key('/b') })).toEqual(['/a', '/a/z'])
    expect(await keys(store, { ...all, limit: 2 })).toEqual(['/B', '/a'])
    expect(await keys(store, { ...all, limit: 0 })).toEqual([])
  })

  it('gives pages of at most 1024 pairs of one snapshot', async () => {
    const store = new MemoryDatastore()
    await store.commit(
      Array.from({ length: 2100 }, (_, i) => put(`/k/${String(i).padStart(4, '0')}`)),
      { durable: false }
    )
    const sizes: number[] = []
    for await (const page of store.scan(all, {})) {
      sizes.push(page.length)
      store.delete(new Key('/k/2099'))
    }
    expect(sizes).toEqual([1024, 1024, 52])
    expect(store.size).toBe(2099)
  })

  it('commits all or nothing, and copies values', async () => {
    let fail = false
    const durables: boolean[] = []
    const store = new MemoryDatastore({
      onCommit: (_operations, durable) => {
        durables.push(durable)
        if (fail) throw new Error('disk full')
      }
    })
    const value = bytes('v')
    await store.commit([{ put: { key: new Key('/a'), value } }], { durable: false })
    value[0] = 0
    store.get(new Key('/a'))[0] = 0
    expect(store.get(new Key('/a'))).toEqual(bytes('v'))
    fail = true
    await expect(store.commit([put('/b'), { delete: new Key('/a') }], { durable: true })).rejects.toThrow('disk full')
    expect(await keys(store)).toEqual(['/a'])
    expect(durables).toEqual([false, true])
    expect(() => store.get(new Key('/b'))).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  })

  it('shows a namespace as a store of its own', async () => {
    const store = new MemoryDatastore()
    const inner = store.namespace(new Key('/n')).namespace(new Key('/m'))
    await inner.put(new Key('/x'), bytes('1'))
    store.put(new Key('/n/other'), bytes('2'))
    expect(await keys(store)).toEqual(['/n/m/x', '/n/other'])
    const found: string[] = []
    for await (const { key } of inner.query({ prefix: '/x' })) found.push(key.toString())
    for await (const key of inner.queryKeys({})) found.push(key.toString())
    for await (const { key } of itemsOf(inner.scan(all, {}))) found.push(key.toString())
    expect(found).toEqual(['/x', '/x', '/x'])
    const batch = inner.batch()
    batch.delete(new Key('/x'))
    batch.put(new Key('/y'), bytes('3'))
    await batch.commit()
    expect(await keys(store)).toEqual(['/n/m/y', '/n/other'])
  })

  it('breaks off on an aborted signal', async () => {
    const store = new MemoryDatastore()
    const signal = AbortSignal.abort()
    await expect(store.commit([put('/a')], { durable: true, signal })).rejects.toThrow('aborted')
    await expect(itemsOf(store.scan(all, { signal })).next()).rejects.toThrow('aborted')
    expect(store.size).toBe(0)
  })

  it('reads some keys at once, in their order, also of a part', async () => {
    const store = new MemoryDatastore()
    await store.commit([put('/a/x'), put('/a/y')], { durable: true })
    const part = store.namespace(new Key('/a'))
    const read = await part.readMany?.([new Key('/y'), new Key('/none'), new Key('/x')])
    expect(read).toEqual([bytes('/a/y'), undefined, bytes('/a/x')])
    read?.[0]?.fill(0)
    expect(store.get(new Key('/a/y'))).toEqual(bytes('/a/y'))
  })
})
