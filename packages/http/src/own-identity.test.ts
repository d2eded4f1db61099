import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ownIdentity } from './own-identity.ts'

interface Case {
  readonly section: string
  readonly set: Readonly<Record<string, string>>
  readonly error: string | null
}
const url = new URL('../../testing/vectors/cli/validation.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(url, 'utf8')) as { cases: readonly Case[] }
const keys = ['id', 'private_key', 'libp2p_listen_multiaddress']
const recorded = cases.filter(({ section, set }) => {
  const set_ = Object.keys(set)
  const isAddress = set['libp2p_listen_multiaddress'] === 'x' // for the parser of addresses
  return (
    /^api\.(restapi|pinsvcapi)$/.test(section) && set_.length > 0 && set_.every((k) => keys.includes(k)) && !isAddress
  )
})

const judge = ({ section, set }: Case) =>
  ownIdentity({
    section: section.slice(4),
    id: set['id'] ?? '',
    privateKey: set['private_key'] ?? '',
    listens: set['libp2p_listen_multiaddress'] !== undefined
  })

describe('the own libp2p host in a configuration', () => {
  it('has recorded cases', () => {
    expect(recorded.length).toBeGreaterThanOrEqual(14)
  })

  it.each(recorded)('is judged like the reference: $section $set', (one) => {
    if (one.error === null) {
      expect(judge(one)?.type).toBe('Ed25519')
      return
    }
    // What Go's parsers say of a wrong value is theirs; whose value it is, and what is wrong with it, is ours to say.
    const text = one.error.replace('error loading configurations: ', '').replace(/: (failed|illegal|proto).*$/, ': ')
    expect(() => judge(one)).toThrow(text)
    expect(() => judge(one)).toThrow(expect.objectContaining({ code: 'BAD_IDENTITY' }))
  })

  it('may be absent', () => {
    expect(ownIdentity({ section: 'restapi', id: '', privateKey: '', listens: false })).toBeUndefined()
  })
})
