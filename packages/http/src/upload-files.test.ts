import { describe, expect, it } from 'vitest'
import { uploadedFiles } from './upload-files.ts'
import type { UploadEntry } from './upload.ts'

async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text))
}
async function* upload(...entries: UploadEntry[]): AsyncGenerator<UploadEntry> {
  for (const entry of entries) yield await Promise.resolve(entry)
}

describe('uploadedFiles', () => {
  it('turns parts into files, directories and links', async () => {
    const parts: UploadEntry[] = [
      { type: 'directory', path: 'd', field: 'file', body: bytes() },
      { type: 'file', path: 'd/a', field: 'file', body: bytes('a', 'b'), abspath: '/x/a' },
      { type: 'symlink', path: 'd/l', field: 'file', body: bytes('../', 'a') }
    ]
    const seen: unknown[] = []
    for await (const file of uploadedFiles(upload(...parts))) {
      if (file.type !== 'file') seen.push(file)
      else seen.push([file.path, file.source, Buffer.concat(await Array.fromAsync(file.content)).toString()])
    }
    expect(seen).toEqual([
      { type: 'directory', path: 'd' },
      ['d/a', '/x/a', 'ab'],
      { type: 'symlink', path: 'd/l', target: '../a' }
    ])
  })

  it('takes no target that no file system would', async () => {
    const link: UploadEntry = { type: 'symlink', path: 'l', field: 'file', body: bytes('x'.repeat(65_537)) }
    await expect(Array.fromAsync(uploadedFiles(upload(link)))).rejects.toMatchObject({ code: 'MULTIPART_LIMIT' })
  })
})
