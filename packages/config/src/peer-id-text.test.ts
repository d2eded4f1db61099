import { describe, expect, it } from 'vitest'
import { createIdentity } from './identity.ts'
import { parsePeerId } from './peer-id-text.ts'
import { parsePrivateKey } from './private-key-text.ts'

describe('a peer ID', () => {
  it('is read from base58 and from a CID', async () => {
    const { id } = await createIdentity()
    expect(parsePeerId(id.toString()).equals(id)).toBe(true)
    expect(parsePeerId(id.toCID().toString()).equals(id)).toBe(true)
  })

  it.each([
    ['', 'invalid cid: cid too short'],
    ['x', 'invalid cid: cid too short'],
    ['xx', 'invalid cid: selected encoding not supported'],
    ['12D3KooWnonsense', '']
  ])('is not %j', (text, message) => {
    expect(() => parsePeerId(text)).toThrow(`failed to parse peer ID: ${message}`)
  })
})

it.each([
  ['!!', 'error decoding private_key: illegal base64 data at input byte 0'],
  ['AA!A', 'error decoding private_key: illegal base64 data at input byte 2'],
  ['AAAAxx', 'error decoding private_key: illegal base64 data at input byte 4'],
  ['AAAA', 'error parsing private_key ID: proto: cannot parse invalid wire-format data']
])('%j is no private key', (text, message) => {
  expect(() => parsePrivateKey(text)).toThrow(message)
})
