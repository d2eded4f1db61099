import { base16 } from 'multiformats/bases/base16'
import { base32hex, base32upper } from 'multiformats/bases/base32'
import { base36, base36upper } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { base64, base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { cidFromText } from './index.ts'

const v0 = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
const v1 = CID.parse('bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq')

it.each([base16, base32hex, base32upper, base36, base36upper, base58btc, base64, base64url])(
  'reads a CID in $name, and writes it in the usual base',
  (base) => {
    expect(cidFromText(v1.toString(base)).toString()).toBe(v1.toString())
  }
)

it('reads the usual forms, and nothing else', () => {
  expect([v0, v1.toString()].map((text) => cidFromText(text).toString())).toEqual([v0, v1.toString()])
  for (const wrong of ['', 'x', 'm', 'B', 'B1', 'hello', 'Qm', `${v0}x`]) expect(() => cidFromText(wrong)).toThrow()
})
