import { ClusterError } from '@cluster/api'
import { hash } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'

/** Tokens that can be revoked and not expired yet, all together: about 1 MB in memory and in the file. */
const MAX_REVOKED = 10_000

/** What the list needs to know of a token. */
export interface RevokedToken {
  readonly token: string
  /** Seconds since 1970, when it would expire; it is forgotten then. */
  readonly expiresAt: number | undefined
}

/**
 * The tokens that are no longer taken. The list is kept in a file, one line for each token: its SHA-256 and its expiry,
 * 0 for none. So the file gives no token away.
 *
 * @see http-apis.md §9, wish 13
 */
export class RevokedTokens {
  readonly #file: string
  readonly #nowMs: () => number
  /** Digest to expiry; 0 is never. */
  readonly #expiries: Map<string, number>
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, nowMs: () => number, expiries: Map<string, number>) {
    this.#file = file
    this.#nowMs = nowMs
    this.#expiries = expiries
  }

  /**
   * Reads the list; no file is an empty one.
   *
   * @throws {ClusterError} `CONFIG_INVALID` when the file cannot be read: it might hold tokens that must not be taken
   */
  static async open(file: string, nowMs: () => number): Promise<RevokedTokens> {
    return new RevokedTokens(file, nowMs, new Map(entriesOf(await textOf(file), file)))
  }

  has(token: string): boolean {
    return this.#expiries.has(digestOf(token))
  }

  /**
   * Adds a token; it is in the file when the promise resolves.
   *
   * @throws {ClusterError} `LIMIT` when the list is full, `STORAGE` when it cannot be written; the token is refused all
   * the same until the peer stops
   */
  async add({ token, expiresAt = 0 }: RevokedToken): Promise<void> {
    for (const [digest, expiry] of this.#expiries) {
      if (expiry > 0 && expiry * 1000 <= this.#nowMs()) this.#expiries.delete(digest)
    }
    if (this.#expiries.size >= MAX_REVOKED && !this.has(token)) {
      throw new ClusterError('LIMIT', `more than ${MAX_REVOKED} tokens are revoked: change passwords instead`)
    }
    this.#expiries.set(digestOf(token), expiresAt)
    const writing = this.#writing.catch(() => undefined).then(() => this.#write())
    this.#writing = writing
    await writing
  }

  async #write(): Promise<void> {
    const draft = `${this.#file}.new`
    try {
      const handle = await open(draft, 'w', 0o600)
      try {
        await handle.writeFile([...this.#expiries].map(([digest, expiry]) => `${digest} ${expiry}\n`).join(''))
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(draft, this.#file)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ClusterError('STORAGE', `the list of revoked tokens: ${reason}`, { cause: error })
    }
  }
}

const digestOf = (token: string): string => hash('sha256', token, 'hex')

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new ClusterError('CONFIG_INVALID', `restapi.revoked_tokens_file: ${reason}`, { cause: error })
  }
}

function entriesOf(text: string, file: string): [string, number][] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line, index) => {
    const [, digest, expiry] = /^([0-9a-f]{64}) (\d+(?:\.\d+)?)$/.exec(line) ?? []
    if (digest !== undefined && expiry !== undefined) return [digest, Number(expiry)]
    const where = `restapi.revoked_tokens_file: ${file}, line ${index + 1}`
    throw new ClusterError('CONFIG_INVALID', `${where}: expected the SHA-256 of a token and its expiry`)
  })
}
