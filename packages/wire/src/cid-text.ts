import { base16, base16upper } from 'multiformats/bases/base16'
import {
  base32hex,
  base32hexpad,
  base32hexpadupper,
  base32hexupper,
  base32pad,
  base32padupper,
  base32upper
} from 'multiformats/bases/base32'
import { base36upper } from 'multiformats/bases/base36'
import { base64, base64pad, base64url, base64urlpad } from 'multiformats/bases/base64'
import type { MultibaseDecoder } from 'multiformats/bases/interface'
import { CID } from 'multiformats/cid'

/** Bases that `CID.parse` does not know by itself, by the letter in front. */
const bases: ReadonlyMap<string, MultibaseDecoder<string>> = new Map(
  [
    base16,
    base16upper,
    base32upper,
    base32pad,
    base32padupper,
    base32hex,
    base32hexupper,
    base32hexpad,
    base32hexpadupper,
    base36upper,
    base64,
    base64pad,
    base64url,
    base64urlpad
  ].map((base) => [base.prefix, base] as const)
)

/**
 * Reads a CID in any of the bases in use; it is always written in the usual one.
 *
 * @throws {Error} when it is none
 * @see http-apis.md §2.1
 */
export function cidFromText(text: string): CID {
  const base = bases.get(text.slice(0, 1))
  return CID.parse(base === undefined ? text : CID.parse(text, base).toString())
}
