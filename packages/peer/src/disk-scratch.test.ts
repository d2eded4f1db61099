import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { diskScratch } from './disk-scratch.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scratch-'))
})
afterEach(() => rm(folder, { recursive: true }))

it('keeps what is written until it is closed, and leaves nothing', async () => {
  const scratch = diskScratch(join(folder, 'scratch'))
  const [file, other] = [await scratch.create(), await scratch.create()]
  await file.append(Uint8Array.of(1, 2, 3))
  await other.append(Uint8Array.of(9))
  await file.append(Uint8Array.of(4, 5))
  expect(await file.read(1, 3)).toEqual(Uint8Array.of(2, 3, 4))
  expect(await file.read(4, 10)).toEqual(Uint8Array.of(5))
  await file.close()
  await other.close()
  expect(await readdir(join(folder, 'scratch'))).toEqual([])
})

it('refuses more than its limit, and says where there is no room', async () => {
  const file = await diskScratch(folder, 4).create()
  await file.append(Uint8Array.of(1, 2, 3, 4))
  await expect(file.append(Uint8Array.of(5))).rejects.toMatchObject({ code: 'LIMIT' })
  await file.close()
  await writeFile(join(folder, 'taken'), '')
  await expect(diskScratch(join(folder, 'taken')).create()).rejects.toMatchObject({ code: 'STORAGE' })
})
