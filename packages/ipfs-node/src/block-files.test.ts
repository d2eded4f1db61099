import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as digest from 'multiformats/hashes/digest'
import { expect, onTestFinished, test } from 'vitest'
import { BlockFiles } from './block-files.ts'
import { BlockFolder } from './block-folder.ts'

function block(text: string): { cid: CID; bytes: Uint8Array } {
  const bytes = new TextEncoder().encode(text)
  return { cid: CID.createV1(raw.code, digest.create(0x12, createHash('sha256').update(bytes).digest())), bytes }
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'blocks-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function opened(path: string, options: ConstructorParameters<typeof BlockFiles>[1] = {}): Promise<BlockFiles> {
  const files = new BlockFiles(path, options)
  await files.open()
  onTestFinished(() => files.close())
  return files
}

function fileOf(path: string, cid: CID): string {
  const names = new BlockFolder(path)
  return names.fileOf(names.keyOf(cid.multihash))
}

test('stores, reads, sizes, lists and removes blocks, by multihash', async () => {
  const files = await opened(await folder())
  const { cid, bytes } = block('hello')
  expect(await files.has(cid)).toBe(false)
  await expect(files.get(cid)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND', name: 'NotFoundError' })
  await files.put(cid, bytes)
  await files.put(cid, bytes)
  const other = CID.createV1(0x70, cid.multihash)
  expect(await files.get(other)).toEqual(bytes)
  expect(await files.getSize(other)).toBe(5)
  expect(await files.stat()).toEqual({ sizeBytes: 5, blocks: 1 })
  expect((await Array.fromAsync(files.list())).map(String)).toEqual([cid.toString()])
  expect(await files.delete(cid, { unless: () => true })).toBe(false)
  expect(await files.delete(cid)).toBe(true)
  expect(await files.delete(cid)).toBe(false)
  expect(await files.stat()).toEqual({ sizeBytes: 0, blocks: 0 })
})

test('an empty block is a block', async () => {
  const files = await opened(await folder())
  const { cid, bytes } = block('')
  await files.put(cid, bytes)
  expect(await files.get(cid)).toEqual(bytes)
  expect(await files.has(cid)).toBe(true)
})

test('an identity CID carries its bytes and is never stored', async () => {
  const path = await folder()
  const files = await opened(path)
  const cid = CID.createV1(raw.code, digest.create(0, new Uint8Array([1, 2])))
  await files.put(cid, new Uint8Array([1, 2]))
  expect(await files.get(cid)).toEqual(new Uint8Array([1, 2]))
  expect(await files.stat()).toEqual({ sizeBytes: 0, blocks: 0 })
})

test('refuses bytes of another block, unknown hashes, short digests, too large blocks and a full store', async () => {
  const files = await opened(await folder(), { storageMaxBytes: 8 })
  const { cid } = block('right')
  await expect(files.put(cid, new TextEncoder().encode('wrong'))).rejects.toMatchObject({ code: 'HASH_MISMATCH' })
  const unknown = CID.createV1(raw.code, digest.create(0x1012, new Uint8Array(32)))
  await expect(files.put(unknown, new Uint8Array(1))).rejects.toMatchObject({ code: 'UNKNOWN_HASH' })
  const short = CID.createV1(raw.code, digest.create(0x12, cid.multihash.digest.subarray(0, 8)))
  await expect(files.put(short, new TextEncoder().encode('right'))).rejects.toMatchObject({ code: 'UNKNOWN_HASH' })
  await expect(files.put(cid, new Uint8Array(4 * 1024 * 1024 + 1))).rejects.toMatchObject({ code: 'BLOCK_TOO_LARGE' })
  await files.put(cid, new TextEncoder().encode('right'))
  const more = block('more')
  await expect(files.put(more.cid, more.bytes)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
})

test('many writers of one block and of many blocks at once leave whole files and no leftovers', async () => {
  const path = await folder()
  const files = await opened(path)
  const blocks = Array.from({ length: 50 }, (_, i) => block(`block ${i}`))
  await Promise.all([...blocks, ...blocks, ...blocks].map(({ cid, bytes }) => files.put(cid, bytes)))
  for (const { cid, bytes } of blocks) expect(await files.get(cid)).toEqual(bytes)
  expect((await files.stat()).blocks).toBe(50)
  const names = await readdir(path, { recursive: true })
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('size and number survive a clean close', async () => {
  const path = await folder()
  const first = new BlockFiles(path)
  await first.open()
  await first.put(block('a').cid, block('a').bytes)
  await first.close()
  await expect(first.put(block('b').cid, block('b').bytes)).rejects.toMatchObject({ code: 'NOT_OPEN' })
  const second = await opened(path)
  expect(await second.stat()).toEqual({ sizeBytes: 1, blocks: 1 })
})

test('after a crash files are counted again, leftovers and damaged blocks removed, sound ones kept', async () => {
  const path = await folder()
  const crashed = await opened(path) // not closed before the next open: as after kill -9
  const sound = block('sound block')
  const cut = block('cut block')
  const empty = block('empty block')
  for (const { cid, bytes } of [sound, cut, empty]) await crashed.put(cid, bytes)
  await writeFile(fileOf(path, cut.cid), 'cut')
  await writeFile(fileOf(path, empty.cid), '')
  const past = new Date(Date.now() - 1000) // of the time before this open by the clock of the file system
  for (const { cid } of [sound, cut, empty]) await utimes(fileOf(path, cid), past, past)
  const leftover = join(dirname(fileOf(path, sound.cid)), '.X.data.tmp')
  await writeFile(leftover, 'half')

  const damaged: string[] = []
  const files = await opened(path, { onDamaged: (cid) => damaged.push(cid.toString()) })
  await expect(files.get(cut.cid)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' }) // also before the count is done
  expect(await files.stat()).toEqual({ sizeBytes: sound.bytes.byteLength, blocks: 1 })
  expect(await files.has(empty.cid)).toBe(false)
  expect(await files.get(sound.cid)).toEqual(sound.bytes)
  await expect(readFile(leftover)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(damaged.sort()).toEqual([cut.cid, empty.cid].map(String).sort())
  await files.put(cut.cid, cut.bytes)
  expect(await files.get(cut.cid)).toEqual(cut.bytes)
})

test('a folder that cannot be used is named', async () => {
  const path = await folder()
  await writeFile(join(path, 'file'), '')
  await expect(new BlockFiles(join(path, 'file')).open()).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    message: expect.stringContaining(join(path, 'file')) as string
  })
})

test('blocks put while files are counted are counted once', async () => {
  const path = await folder()
  const crashed = await opened(path)
  for (let i = 0; i < 200; i++) await crashed.put(block(`old ${i}`).cid, block(`old ${i}`).bytes)
  const files = await opened(path)
  const changes = [
    ...Array.from({ length: 200 }, (_, i) => files.put(block(`new ${i}`).cid, block(`new ${i}`).bytes)),
    ...Array.from({ length: 100 }, (_, i) => files.delete(block(`old ${i}`).cid))
  ]
  await Promise.all(changes)
  const listed = await Array.fromAsync(files.list())
  expect(listed).toHaveLength(300)
  expect((await files.stat()).blocks).toBe(300)
})

test('flushed blocks of a process killed with -9 are there', async () => {
  const path = await folder()
  const program = `
    import { createHash } from 'node:crypto'
    import { CID } from 'multiformats/cid'
    import * as digest from 'multiformats/hashes/digest'
    import { BlockFiles } from '@cluster/ipfs-node'
    const files = new BlockFiles(${JSON.stringify(path)})
    await files.open()
    for (let i = 0; i < 20; i++) {
      const bytes = new Uint8Array(1000).fill(i)
      const cid = CID.createV1(0x55, digest.create(0x12, createHash('sha256').update(bytes).digest()))
      await files.put(cid, bytes)
    }
    await files.flush()
    process.stdout.write('flushed')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--conditions=@cluster/source', '--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const files = await opened(path)
  expect(await files.stat()).toEqual({ sizeBytes: 20_000, blocks: 20 })
}, 30_000)
