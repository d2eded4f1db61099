import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAccessLogFile } from './access-log-file.ts'

describe('openAccessLogFile', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'access-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('appends lines, also to a file that is there', async () => {
    const path = join(folder, 'log')
    const entry = {
      remoteHost: '@',
      startedMs: 0,
      method: 'GET',
      url: '/',
      protocol: 'HTTP/1.1',
      status: 200,
      bytes: 1
    }
    for (const status of [200, 404]) {
      const log = await openAccessLogFile(path, () => expect.unreachable())
      log.write({ ...entry, status })
      await log.close()
    }
    const lines = (await readFile(path, 'utf8')).split('\n')
    expect(lines.map((line) => line.slice(-21))).toEqual(
      ['"GET / HTTP/1.1" 200 1', '"GET / HTTP/1.1" 404 1', ''].map((l) => l.slice(-21))
    )
    expect((await stat(path)).mode & 0o600).toBe(0o600)
  })

  it('fails for a folder that is not there', async () => {
    await expect(openAccessLogFile(join(folder, 'no', 'log'), () => undefined)).rejects.toThrow('ENOENT')
  })
})
