import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { EntryType } from '../entry.ts'
import { configurationOf, encodeConfiguration } from './configuration.ts'
import { openEntry, sealEntry } from './entry.ts'

interface Dump {
  readonly logs: readonly { readonly key: string; readonly value: string }[]
}

const url = new URL('../../../testing/vectors/raft/raft-db.json', import.meta.url)
const { dumps } = JSON.parse(readFileSync(url, 'utf8')) as { readonly dumps: Readonly<Record<string, Dump>> }

describe.for(Object.entries(dumps))('%s', ([, { logs }]) => {
  test('each entry is written as it was read', () => {
    expect(logs.length).toBeGreaterThan(0)
    for (const { key, value } of logs) {
      const bytes = new Uint8Array(Buffer.from(value, 'hex'))
      const entry = openEntry(bytes)
      expect(entry.index).toBe(Number(BigInt(`0x${key}`)))
      expect(sealEntry(entry).encoded).toEqual(bytes)
      if (entry.type !== EntryType.configuration) continue
      const configuration = configurationOf(entry)
      expect(configuration && encodeConfiguration(configuration)).toEqual(entry.data)
    }
  })
})
