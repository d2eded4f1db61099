import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './test-cluster.ts'

const PROGRAM = join(import.meta.dirname, '../examples/address-book/main.ts')

/** The program as somebody uses it: lines in, lines out. */
class Book {
  readonly lines: string[] = []
  readonly #child: ChildProcessWithoutNullStreams

  constructor(folder: string, secret: string, join?: string) {
    const args = ['--conditions=@cluster/source', PROGRAM, folder, ...(join === undefined ? [] : [join])]
    this.#child = spawn(process.execPath, args, { env: { ...process.env, BOOK_SECRET: secret, FORCE_COLOR: '0' } })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(line))
    this.#child.stderr.on('data', (text) => this.lines.push(`error: ${String(text)}`))
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  async hears(line: string): Promise<void> {
    await eventually(
      () => Promise.resolve(this.lines),
      (lines) => lines.includes(line)
    )
  }

  async address(): Promise<string> {
    const lines = await eventually(
      () => Promise.resolve(this.lines),
      ([first]) => first !== undefined
    )
    return lines[0]?.replace('address ', '') ?? ''
  }

  /** Ends its input, and with it the program. */
  async end(): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const closed = once(this.#child, 'close') as Promise<[number | null]>
    this.#child.stdin.end()
    return (await closed)[0]
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }
}

describe('the address book of the examples', () => {
  const secret = randomBytes(32).toString('hex')
  let folder: string
  let ann: Book
  let bob: Book

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'address-book-'))
    ann = new Book(join(folder, 'ann'), secret)
    bob = new Book(join(folder, 'bob'), secret, await ann.address())
  })
  afterAll(async () => {
    await Promise.all([ann.end(), bob.end()])
    await rm(folder, { recursive: true, force: true })
  })

  it('is the same at both', async () => {
    ann.say('set Carol +49 30 1234')
    await bob.hears('Carol: +49 30 1234')
    bob.say('set a/b 1')
    await ann.hears('a/b: 1')
    bob.say('remove Carol')
    await ann.hears('Carol: removed')
  })

  it('keeps what was written, and tells it to who comes back', async () => {
    await bob.kill()
    ann.say('set Dave 2')
    await ann.hears('Dave: 2')
    bob = new Book(join(folder, 'bob'), secret, await ann.address())
    await bob.hears('Dave: 2')
    bob.say('list')
    await bob.hears('- Dave 2')
    expect(bob.lines).toContain('- a/b 1')
    expect(bob.lines.filter((line) => line.includes('Carol') || line.includes('error'))).toEqual([])
    expect([await bob.end(), await ann.end()]).toEqual([0, 0])
  })
})
