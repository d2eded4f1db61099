import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createIdentity, formatIdentity, parseIdentity } from './identity.ts'

const hosts = JSON.parse(readFileSync(new URL('../../testing/vectors/rpc/hosts.json', import.meta.url), 'utf8')) as {
  hosts: { type: string; id: string; private_key: string }[]
}
const identities = hosts.hosts

describe('identity.json', () => {
  it.each(identities.filter(({ type }) => type !== 'ECDSA').map((identity) => [identity.id, identity] as const))(
    'reads the recorded key of %s',
    (id, json) => {
      const identity = parseIdentity(JSON.stringify({ id, private_key: json.private_key }))
      expect(identity.id.toString()).toBe(id)
      expect(JSON.parse(formatIdentity(identity))).toEqual({ id, private_key: json.private_key })
    }
  )

  it('says that ECDSA keys cannot be used, which libp2p has no peer IDs for here', () => {
    const ecdsa = identities.find(({ type }) => type === 'ECDSA')
    expect(() => parseIdentity(JSON.stringify(ecdsa))).toThrow('error parsing private_key ID (ECDSA)')
  })

  it('is written as Go writes it', async () => {
    const text = formatIdentity(await createIdentity())
    expect(text).toMatch(/^\{\n {4}"id": "12D3Koo\w+",\n {4}"private_key": "CAESQ[\w+/]+=*"\n\}$/)
  })

  it('lets the environment win, but only as a pair that matches', async () => {
    const [a, b] = await Promise.all([createIdentity(), createIdentity()])
    const { id, private_key: key } = JSON.parse(formatIdentity(b)) as { id: string; private_key: string }
    expect(parseIdentity(formatIdentity(a), { CLUSTER_ID: id, CLUSTER_PRIVATEKEY: key }).id.equals(b.id)).toBe(true)
    expect(() => parseIdentity(formatIdentity(a), { CLUSTER_ID: id })).toThrow(
      'error applying environment variables to the identity: identity ID does not match the private_key'
    )
  })

  it.each([
    ['nonsense', 'not a JSON object'],
    ['[]', 'expected an object'],
    ['{}', 'identity ID not set'],
    ['{"id":"x","private_key":"eA=="}', 'error decoding cluster ID'],
    [`{"id":"${identities[0]?.id ?? ''}"}`, 'no identity private_key set'],
    [`{"id":"${identities[0]?.id ?? ''}","private_key":"AAAA"}`, 'error parsing private_key ID']
  ])('refuses %s', (text, message) => {
    expect(() => parseIdentity(text)).toThrow(message)
  })

  it('never repeats a key in an error', () => {
    const key = 'c2VjcmV0LXNlY3JldA=='
    expect(() => parseIdentity(JSON.stringify({ id: identities[0]?.id, private_key: key }))).not.toThrow(key)
  })
})
