import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileEntries, totalFileBytes } from './files.ts'

describe('files of this machine', () => {
  let folder: string

  beforeAll(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'files-')), 'tree')
    await mkdir(join(folder, 'b', 'empty'), { recursive: true })
    await writeFile(join(folder, 'b', 'two.txt'), 'two')
    await writeFile(join(folder, 'a.txt'), 'one')
    await writeFile(join(folder, '.dot'), 'hidden')
    await symlink('a.txt', join(folder, 'link'))
  })
  afterAll(() => rm(join(folder, '..'), { recursive: true }))

  async function list(hidden: boolean): Promise<string[]> {
    const lines: string[] = []
    for await (const entry of fileEntries([folder], { recursive: true, hidden })) {
      let content = entry.type === 'symlink' ? entry.target : ''
      if (entry.type === 'file') for await (const bytes of entry.content) content += Buffer.from(bytes).toString()
      lines.push(`${entry.type} ${entry.path} ${content}`.trimEnd())
    }
    return lines
  }

  it('come folder first, by name, links as links', async () => {
    expect(await list(false)).toEqual([
      'directory tree',
      'file tree/a.txt one',
      'directory tree/b',
      'directory tree/b/empty',
      'file tree/b/two.txt two',
      'symlink tree/link a.txt'
    ])
  })

  it('include hidden ones when asked, and can be counted', async () => {
    expect(await list(true)).toContain('file tree/.dot hidden')
    expect(await totalFileBytes([folder], { recursive: true })).toBe(6)
    expect(await totalFileBytes([join(folder, 'a.txt')])).toBe(3)
  })

  it('are refused with the name of what is wrong', async () => {
    const first = (path: string) => fileEntries([path]).next()
    await expect(first(folder)).rejects.toThrow(`${folder} is a directory, but Recursive option is not set`)
    await expect(first('/dev/null')).rejects.toThrow('unrecognized file type for /dev/null: Dcrw-rw-rw-')
    await expect(first(join(folder, 'nothing'))).rejects.toThrow(/^lstat .*nothing: no such file or directory$/)
  })

  // Other systems do not have such names.
  describe.runIf(process.platform === 'linux')('that are not UTF-8', () => {
    const bytes = (text: string): Buffer => Buffer.from(join(folder, '..', text), 'latin1')
    const all = (path: string) => Array.fromAsync(fileEntries([path], { recursive: true }))

    it('are refused by what holds them', async () => {
      await mkdir(bytes('named'))
      await writeFile(bytes('named/\xfcber'), '')
      const path = join(folder, '../named')
      const text = `the name of a file in ${path} is not valid UTF-8: "\\xfcber"`
      await expect(all(path)).rejects.toMatchObject({ code: 'BAD_NAME', message: text })
    })

    it('are refused as targets of links', async () => {
      await symlink(Buffer.from('\xff', 'latin1'), bytes('link'))
      const path = join(folder, '../link')
      const text = `the target of ${path} is not valid UTF-8: "\\xff"`
      await expect(all(path)).rejects.toMatchObject({ code: 'BAD_NAME', message: text })
    })

    it('are passed over when they are hidden', async () => {
      await mkdir(bytes('hidden'))
      await writeFile(bytes('hidden/.\xff'), '')
      expect(await all(join(folder, '../hidden'))).toMatchObject([{ path: 'hidden' }])
    })

    it('come as another argument, which is said', async () => {
      await expect(all('/nowhere/\uFFFD')).rejects.toThrow(
        'lstat /nowhere/\uFFFD: no such file or directory; if its name is not valid UTF-8, it has to be renamed'
      )
    })
  })
})
