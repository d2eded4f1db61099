const SECRET_BYTES = 32

/**
 * Reads a cluster secret: 32 bytes in hex. The empty text means no secret.
 *
 * @throws {SyntaxError} with Go's text; never holds the secret itself
 * @see cli-config.md §4.4
 */
export function parseSecret(hex: string): Uint8Array | undefined {
  if (hex === '') return undefined
  const bad = /[^0-9a-fA-F]/u.exec(hex)?.[0]
  if (bad !== undefined) {
    const point = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    const shown = /[\p{Cc}\p{Z}\p{Cf}]/u.test(bad) && bad !== ' ' ? '' : ` '${bad}'`
    throw new SyntaxError(`encoding/hex: invalid byte: U+${point}${shown}`)
  }
  if (hex.length % 2 === 1) throw new SyntaxError('encoding/hex: odd length hex string')
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
  if (bytes.length === SECRET_BYTES) return bytes
  throw new SyntaxError(`input secret is ${bytes.length} bytes, cluster secret should be ${SECRET_BYTES}`)
}
