import { open, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { HttpError } from './errors.ts'

/** A chain of certificates has some KB. */
const MAX_FILE_BYTES = 1024 * 1024

/** Where the certificate is. */
export interface TlsFiles {
  /** PEM chain, own certificate first. */
  readonly certFile: string
  /** PEM key of that certificate, without passphrase. */
  readonly keyFile: string
}

/** A certificate with its key, as they were read. */
export interface KeyPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Reads a certificate and its key.
 *
 * @throws {HttpError} `BAD_CERTIFICATE` for files that cannot be read, are no PEM or do not belong together
 * @see http-apis.md §1.2, §1.4
 */
export async function readKeyPair({ certFile, keyFile }: TlsFiles): Promise<KeyPair> {
  try {
    const [cert, key] = await Promise.all([readSmall(certFile), readSmall(keyFile)])
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const files = `${certFile}, ${keyFile}`
    throw new HttpError('BAD_CERTIFICATE', `error loading TLS certificate/key: ${reason} (${files})`, { cause })
  }
}

/** A text that differs when one of the files has changed. Files that are missing have one as well. */
export async function versionOf({ certFile, keyFile }: TlsFiles): Promise<string> {
  const versions = [certFile, keyFile].map(async (file) => {
    const facts = await stat(file, { bigint: true }).catch(() => undefined)
    return facts === undefined ? 'missing' : `${facts.ino}:${facts.size}:${facts.mtimeNs}:${facts.ctimeNs}`
  })
  return (await Promise.all(versions)).join()
}

async function readSmall(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    if (size > MAX_FILE_BYTES) throw new Error(`${file} is larger than ${MAX_FILE_BYTES} bytes`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
