import { createServer, type Server } from 'node:http'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { reportOf, type Report } from './failure.ts'
import { runsOf } from './recorded-kinds.fixture.ts'
import { execute } from './program.ts'

interface Recorded {
  readonly command: string
  readonly url: string
  readonly body: string
}

const vectors = new URL('../../../packages/testing/vectors/', import.meta.url)
const { cases } = JSON.parse(await readFile(new URL('adder/ctl-requests.json', vectors), 'utf8')) as {
  cases: Recorded[]
}
const byUrl = await runsOf('url')
const CID = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'

let folder: string
let source: string
let server: Server
let port: number
/** What came in. */
let seen: { url: string; body: string }[]
/** What goes out. */
let answer: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ctl-add-'))
  source = join(folder, 'ctlin')
  await mkdir(join(source, 'dir', 'emptydir'), { recursive: true })
  await mkdir(join(source, 'dir', 'sub'))
  await mkdir(join(source, 'dir', '.hdir'))
  const files = {
    'dir/a.txt': 'one',
    'dir/empty': '',
    'dir/sub/b.txt': 'two',
    'dir/.hdir/x': 'x',
    'dir/.hidden': 'hid',
    'solo file+ü.txt': 'solo'
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(source, name), text)
  await symlink('../a.txt', join(source, 'dir', 'sub', 'link'))
  await symlink('dir', join(source, 'toplink'))
  server = createServer((request, response) => {
    void (async () => {
      let body = ''
      for await (const bytes of request) body += String(bytes)
      if (request.url === '/x/id?a=1' || request.url === '/id') {
        response.end(recordedContent())
        return
      }
      if (request.url === '/nope') {
        response.writeHead(404).end('no such thing')
        return
      }
      const boundary = request.headers['content-type']?.split('boundary=')[1] ?? '-'
      seen.push({ url: request.url ?? '', body: body.replaceAll(boundary, 'BOUNDARY') })
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.end(answer.map((line) => `${line}\n`).join(''))
    })().catch(() => {
      // The upload was broken off, as one test wants it.
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  port = address.port
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** The content of the URL that the recording fetched. */
function recordedContent(): string {
  const { body = '' } = cases.find(({ command }) => command.includes('<URL>')) ?? {}
  return body.split('\r\n\r\n')[1]?.split('\r\n--')[0] ?? ''
}

/** Runs the command line; gives standard output, or the report of what failed. */
async function ctl(...args: readonly string[]): Promise<string | Report> {
  seen = []
  let output = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text)
    return true
  })
  try {
    await execute(['--host', `/ip4/127.0.0.1/tcp/${port.toString()}`, ...args], {})
    return output
  } catch (error) {
    return reportOf(error, 'text')
  } finally {
    vi.restoreAllMocks()
  }
}

/** The recorded command line, at our folder and URL. */
const argumentsOf = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)]
    .map(([, quoted, plain]) => quoted ?? plain ?? '')
    .slice(1)
    .map((word) => {
      if (word === '<URL>') return `http://127.0.0.1:${port.toString()}/id`
      return /^(dir\b|solo|toplink|\.$)/.test(word) ? `${source}/${word}` : word
    })

/** Parts as they matter: the reference gives modes and times, which no cluster uses. */
const plain = (body: string): string =>
  body
    .replaceAll(/\?mode=[^"]*/g, '')
    .replaceAll(encodeURIComponent(source), '%2Fsrc')
    .replaceAll(`127.0.0.1%3A${port.toString()}`, 'HOST')

describe('ctl add', () => {
  it.each(cases)('sends what the reference sends: $command', async ({ command, url, body }) => {
    answer = [`{"name":"a","cid":"${CID}"}`]
    await ctl(...argumentsOf(command))
    expect(seen).toHaveLength(1)
    expect(seen[0]?.url).toBe(url)
    expect(plain(seen[0]?.body ?? '')).toBe(plain(body))
  })

  it.each([
    [[], 'error : need at least one path\n'],
    [['nofile'], 'error : lstat nofile: no such file or directory\n'],
    [['<dir>'], 'error : <dir> is a directory, but Recursive option is not set\n'],
    [['<file>', '<dir>'], 'error : <dir> is a directory, but Recursive option is not set\n'],
    [['/dev/null'], 'error : unrecognized file type for /dev/null: Dcrw-rw-rw-\n'],
    [
      ['-w', '--format', 'car', '<file>'],
      'error : only a single CAR file can be added and wrap-with-directory is not supported\n'
    ],
    [
      ['--format', 'car', '<file>', '<file>'],
      'error : only a single CAR file can be added and wrap-with-directory is not supported\n'
    ],
    [['--nocopy', '<file>'], 'error : nocopy option is only valid for URLs\n'],
    [['--metadata', 'x', '<file>'], 'error parsing metadata: metadata were not in the format key=value\n'],
    [['--expire-in', 'x', '<file>'], 'error parsing expire-in: time: invalid duration "x"\n']
  ])('asks nobody when it cannot: %j', async (args, text) => {
    const place = (word: string): string =>
      word.replace('<dir>', join(source, 'dir')).replace('<file>', join(source, 'dir', 'a.txt'))
    expect(await ctl('add', ...args.map(place))).toEqual({ stream: 'stderr', text: place(text), exitCode: 1 })
    expect(seen).toEqual([])
  })

  it('fetches what URLs lead to, named by the last part of the path', async () => {
    answer = [`{"name":"id","cid":"${CID}"}`]
    const url = `http://127.0.0.1:${port.toString()}/x/id?a=1`
    expect(await ctl('add', url)).toBe(`added ${CID} id\n`)
    expect(seen[0]?.body).toContain('name="file"; filename="id"')
    expect(seen[0]?.body).toContain(recordedContent())
    expect(seen[0]?.body).toContain(`Abspath-Encoded: ${encodeURIComponent(url)}`)
  })

  it.each(byUrl)('prints what the reference prints: $id', async ({ argv, stdout }) => {
    const [, cid = '', name = 'f.car'] = /^(?:added )?(\S+)(?: (.*))?\n$/.exec(stdout) ?? []
    answer = [JSON.stringify({ name, cid })]
    await writeFile(join(folder, 'f.car'), 'is not looked at here')
    const here = argv
      .slice(argv.indexOf('add'))
      .map((word) =>
        word === 'f.car' ? join(folder, word) : word.replace(/:\d+\/x\/file\.txt.*$/, `:${port.toString()}/x/id?a=1`)
      )
    expect(await ctl(...here)).toBe(stdout)
  })

  it('tells of a URL that leads nowhere', async () => {
    const url = `http://127.0.0.1:${port.toString()}/nope`
    expect(await ctl('add', url)).toEqual({
      stream: 'stdout',
      text: `An error occurred:\n  Code: 0\n  Message: got non-2XX status code 404: ${url}\n`,
      exitCode: 1
    })
  })

  it.runIf(process.platform === 'linux')('breaks off at a name that is not UTF-8, and says where it is', async () => {
    const bad = join(folder, 'bad')
    await mkdir(bad)
    await writeFile(Buffer.concat([Buffer.from(`${bad}/z`), Buffer.of(0xff)]), 'x')
    expect(await ctl('add', '-r', bad)).toEqual({
      stream: 'stderr',
      text: `error : the name of a file in ${bad} is not valid UTF-8: "z\\xff"\n`,
      exitCode: 1
    })
    expect(seen).toEqual([])
  })

  it('asks for shards, and takes the content, not its parts, for the result', async () => {
    const part = 'bafyreiblwypqxs4gryu4v57cw3oepskmpe5gwlok5rwzc4apjmla4ymy5m'
    answer = [
      `{"name":"shard-0","cid":"${CID}","size":3}`,
      `{"name":"dir","cid":"${CID}","size":9}`,
      `{"name":"shard-0","cid":"${part}","size":9}`,
      `{"name":"n-clusterDAG","cid":"${part}","size":9}`
    ]
    const args = ['add', '--shard', '--shard-size', '1000000', '--name', 'n', '-r', join(source, 'dir')]
    expect(await ctl(...args, '-Q')).toBe(`${CID}\n`)
    expect(seen[0]?.url).toContain('&shard=true&shard-size=1000000&')
    expect(await ctl(...args, '-q')).toBe(`${CID}\n${CID}\n${part}\n${part}\n`)
  })
})
