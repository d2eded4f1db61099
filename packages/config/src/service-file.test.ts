import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatServiceFile, parseServiceFile } from './service-file.ts'

const text = readFileSync(new URL('../../testing/vectors/cli/init/crdt-leveldb.service.json', import.meta.url), 'utf8')

describe('service.json', () => {
  it('is split and written again byte for byte', () => {
    const file = parseServiceFile(text)
    expect([...file.sections.consensus.keys()]).toEqual(['crdt'])
    expect([...file.sections.api.keys()]).toEqual(['ipfsproxy', 'pinsvcapi', 'restapi'])
    expect(formatServiceFile(file)).toBe(text)
  })

  it('takes null entries and absent sections for not there', () => {
    const file = parseServiceFile('{"api":{"restapi":null},"informer":null,"unknown":{}}')
    expect(file.sections.api.size + file.sections.informer.size + file.sections.consensus.size).toBe(0)
    expect(file.cluster).toBeUndefined()
    expect(file.source).toBeUndefined()
  })

  it.each([
    ['{', /^unexpected end of JSON input$/],
    ['{"a":1,}', /^service\.json is no JSON: Expected double-quoted property name in line 1$/],
    ['{"cluster":{"secret": x0001}}', /^invalid character 'x' looking for beginning of value$/],
    ['[]', /^service\.json: /],
    ['{"api":3}', /^api: /],
    ['{"source":3}', /^source: /]
  ])('refuses %s and names the place', (bad, message) => {
    expect(() => parseServiceFile(bad)).toThrow(message)
  })
})
