import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readUpload, type Upload } from './upload.ts'

interface CtlRequest {
  command: string
  headers: Record<string, string>
  body: string
}
const vectors = JSON.parse(
  readFileSync(new URL('../../testing/vectors/adder/ctl-requests.json', import.meta.url), 'utf8')
) as { cases: CtlRequest[] }

interface Read {
  type: string
  path: string
  field: string
  abspath?: string
  text: string
}

async function readAll(body: Iterable<Uint8Array>, init: Partial<Upload> = {}): Promise<Read[]> {
  const entries = readUpload({ body: Readable.from(body), contentType: 'multipart/form-data; boundary=vec', ...init })
  const found: Read[] = []
  for await (const { body: content, ...entry } of entries) {
    const chunks = await Array.fromAsync(content)
    found.push({ ...entry, text: Buffer.concat(chunks).toString('utf8') })
  }
  return found
}

/** Cuts at every byte or at the given places. */
function cut(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text)
  return Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

const file = (name: string, text: string, type = 'application/octet-stream'): string =>
  `--vec\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`

test.each(vectors.cases.map((one) => [one.command, one] as const))(
  'reads what a Go client sends: %s',
  async (_, one) => {
    const contentType = one.headers['content-type']
    const entries = await readAll([Buffer.from(one.body)], { contentType })
    expect(entries).toHaveLength(one.body.split('--BOUNDARY\r\n').length - 1)
    expect(await readAll(cut(one.body, 7), { contentType })).toEqual(entries)
    for (const { type, path, abspath, text, field } of entries) {
      expect(path).not.toMatch(/%|^\/|\.\./)
      expect(field).toMatch(/^file/)
      if (type === 'directory') expect([abspath, text]).toEqual([undefined, ''])
    }
  }
)

test('a directory upload of the Go client in detail', async () => {
  const [first] = vectors.cases
  const entries = await readAll([Buffer.from(first?.body ?? '')], { contentType: first?.headers['content-type'] })
  expect(entries.map(({ type, path, abspath, text }) => [type, path, abspath, text])).toEqual([
    ['directory', 'dir', undefined, ''],
    ['file', 'dir/a.txt', '/src/dir/a.txt', 'one'],
    ['file', 'dir/empty', '/src/dir/empty', ''],
    ['directory', 'dir/emptydir', undefined, ''],
    ['directory', 'dir/sub', undefined, ''],
    ['file', 'dir/sub/b.txt', '/src/dir/sub/b.txt', 'two'],
    ['symlink', 'dir/sub/link', undefined, '../a.txt']
  ])
})

test('any content, cut anywhere, comes out as it went in', async () => {
  const nasty = fc.array(fc.constantFrom('\r\n', '--vec', '\r\n--ve', '--', '\r', 'x', '\r\n--'), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.array(nasty, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), async (parts, size) => {
      const texts = parts.map((part) => part.join('').replaceAll('\r\n--vec', '\r\n-vec'))
      const usable = texts.filter((text) => !text.startsWith('--vec')) // that would be an empty part
      const body = usable.map((text, i) => file(String(i), text)).join('') + '--vec--\r\n'
      expect((await readAll(cut(body, size))).map(({ text }) => text)).toEqual(usable)
    })
  )
})

test('names are unescaped and made harmless', async () => {
  const names = ['a%2Fb+c.txt', '../../etc/passwd', '/abs/./x//y', 'bad%zz', '%C3%BC', 'q\\"uote', '']
  const body = names.map((name) => file(name, 'x')).join('') + '--vec--'
  expect((await readAll([Buffer.from(body)])).map(({ path }) => path)).toEqual([
    'a/b c.txt',
    'etc/passwd',
    'abs/x/y',
    'bad%zz',
    'ü',
    'q"uote',
    ''
  ])
})

test('parts without names, with preamble, padding, other dispositions and an empty body', async () => {
  const body =
    'preamble\r\n--vec \t\r\n\r\nbare\r\n' +
    "--vec\r\ncontent-disposition: attachment; filename*=UTF-8''%e2%82%ac.txt\r\nABSPATH: /p\r\n\r\n--vec\r\n" +
    'Content-Type: multipart/mixed; boundary=inner\r\nContent-Disposition: file; filename=d\r\n\r\n\r\n--vec--\r\nepilogue'
  expect(await readAll([Buffer.from(body)], { contentType: 'multipart/mixed; boundary="vec"' })).toEqual([
    { type: 'file', path: '', field: '', text: 'bare' },
    { type: 'file', path: '€.txt', field: '', abspath: '/p', text: '' },
    { type: 'directory', path: 'd', field: '', text: '' }
  ])
})

test('no parts is an empty list', async () => {
  expect(await readAll([Buffer.from('--vec--\r\n')])).toEqual([])
})

test('a body that ends inside a part gives the part, then an error', async () => {
  const got: string[] = []
  const entries = readUpload({
    body: Readable.from([Buffer.from('--vec\r\nContent-Disposition: form-data; filename="a.txt"\r\n\r\nhel')]),
    contentType: 'multipart/form-data; boundary=vec'
  })
  const read = async (): Promise<void> => {
    for await (const { body } of entries) got.push(Buffer.concat(await Array.fromAsync(body)).toString())
  }
  await expect(read()).rejects.toMatchObject({ code: 'BAD_MULTIPART', message: 'multipart: NextPart: EOF' })
  expect(got).toEqual(['hel'])
})

test.each([
  ['', "request Content-Type isn't multipart/form-data"],
  ['application/json', "request Content-Type isn't multipart/form-data"],
  ['multipart/form-data', 'no multipart boundary param in Content-Type']
])('content type %j is refused at once', (contentType, message) => {
  expect(() => readUpload({ body: Readable.from([]), contentType })).toThrow(
    expect.objectContaining({ code: 'NOT_MULTIPART', message })
  )
})

test.each([
  ['--vec\r\nnonsense\r\n\r\nx\r\n--vec--', 'BAD_MULTIPART'],
  ['--vecxx\r\n', 'BAD_MULTIPART'],
  ['nothing here', 'BAD_MULTIPART'],
  ['', 'BAD_MULTIPART'],
  [`--vec\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`, 'MULTIPART_LIMIT'],
  [`--vec\r\nA: ${'x'.repeat(20_000)}`, 'MULTIPART_LIMIT'],
  ['y'.repeat(100_000), 'BAD_MULTIPART']
])('malformed: %.30j', async (body, code) => {
  await expect(readAll(cut(body, 1000))).rejects.toMatchObject({ code })
})

test('too many parts', async () => {
  const body = file('a', '').repeat(4) + '--vec--'
  await expect(readAll([Buffer.from(body)], { maxParts: 3 })).rejects.toMatchObject({ code: 'MULTIPART_LIMIT' })
})

test('what is not read is skipped, and nothing is read ahead', async () => {
  let pulled = 0
  function* source(): Generator<Buffer> {
    yield Buffer.from('--vec\r\n\r\n')
    for (let i = 0; i < 100; i++) {
      pulled++
      yield Buffer.alloc(100_000, 'x')
    }
    yield Buffer.from('\r\n--vec\r\nContent-Disposition: form-data; filename=b\r\n\r\nlast\r\n--vec--')
  }
  const stream = Readable.from(source(), { highWaterMark: 1 })
  const entries = readUpload({ body: stream, contentType: 'multipart/form-data; boundary=vec' })
  const first = await entries.next()
  if (first.done === true) throw new Error('no entry')
  for await (const chunk of first.value.body) {
    expect(chunk.byteLength).toBeGreaterThan(0)
    break
  }
  expect(pulled).toBeLessThan(5)
  const second = await entries.next()
  expect(second.value?.path).toBe('b')
  expect(pulled).toBe(100)
  await entries.return()
})

test('a signal ends the reading', async () => {
  const abort = new AbortController()
  const entries = readUpload({
    body: Readable.from([Buffer.from(file('a', 'x')), Buffer.from(file('b', 'y'))]),
    contentType: 'multipart/form-data; boundary=vec',
    signal: abort.signal
  })
  await entries.next()
  abort.abort(new Error('enough'))
  await expect(entries.next()).rejects.toThrow('enough')
})

test.each([
  ['escaped', Buffer.from(file('d%2F%FFa', 'x')), /^multipart: a file name is not valid UTF-8: d%2F%FFa$/],
  ['as they are', Buffer.from(file('d\xff', 'x'), 'latin1'), /^multipart: the header of a part is not valid UTF-8$/]
])('names whose bytes are not UTF-8 are refused: %s', async (_, body, text) => {
  await expect(readAll([body])).rejects.toMatchObject({
    code: 'BAD_MULTIPART',
    message: expect.stringMatching(text) as string
  })
})

test('a character may be escaped in part', async () => {
  const body = Buffer.from(`${file('%C3%BC+%e4%bd%a0', 'x')}${file('100%', 'x')}--vec--\r\n`)
  expect((await readAll([body])).map(({ path }) => path)).toEqual(['ü 你', '100%'])
})
