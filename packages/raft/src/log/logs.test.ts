import { ClassicLevel } from 'classic-level'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { openFolder } from './files.ts'
import { LevelLog } from './level-log.ts'
import { logConformance } from './log-conformance.fixture.ts'
import { SegmentLog } from './segment-log.ts'

const folders: string[] = []

async function temporary(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'raft-log-'))
  folders.push(path)
  return path
}

afterAll(async () => {
  for (const path of folders) await rm(path, { recursive: true, force: true })
})

describe('segments', () => {
  logConformance(async () => {
    const path = await temporary()
    return { open: async () => SegmentLog.open(await openFolder(path), { segmentBytes: 65_536 }) }
  })
})

describe('tiny segments', () => {
  logConformance(async () => {
    const path = await temporary()
    return { open: async () => SegmentLog.open(await openFolder(path), { segmentBytes: 300 }) }
  })
})

describe('LevelDB', () => {
  logConformance(async () => {
    const path = await temporary()
    const encoding = { keyEncoding: 'view', valueEncoding: 'view' } as const
    return { open: () => LevelLog.open(new ClassicLevel<Uint8Array, Uint8Array>(path, encoding)) }
  })
})
