import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { expect, test } from 'vitest'
import { BlockNotFoundError } from './errors.ts'
import { createGateway } from './gateway.ts'
import type { GetBlock } from './unixfs-path.ts'

type Files = Readonly<Record<string, Uint8Array | string>>

const big = new Uint8Array(1_000_000).map((_, i) => (i * 7919) >> 3)
const site: Files = {
  'index.html': '<h1>hi</h1>',
  'pictures/one.png': new Uint8Array([0x89, 0x50]),
  'pictures/a <b>.txt': 'text',
  'big.bin': big
}

async function gateway(
  files: Files,
  importerOptions: Parameters<typeof importer>[2] = {}
): Promise<{
  root: CID
  ask: (path: string, init?: RequestInit) => Promise<Response>
  reads: string[]
  get: GetBlock
}> {
  const blocks = new Map<string, Uint8Array>()
  const store = {
    put: (cid: CID, bytes: unknown) => {
      if (!(bytes instanceof Uint8Array)) throw new Error('expected bytes')
      blocks.set(cid.toString(), bytes)
      return cid
    }
  }
  const source = Object.entries(files).map(([path, content]) => ({
    path,
    content: typeof content === 'string' ? new TextEncoder().encode(content) : content
  }))
  let root: CID | undefined
  const options = { cidVersion: 1, wrapWithDirectory: true, ...importerOptions } as const
  for await (const { cid } of importer(source, store, options)) root = cid
  if (root === undefined) throw new Error('nothing imported')
  const reads: string[] = []
  const get: GetBlock = (cid) => {
    reads.push(cid.toString())
    const bytes = blocks.get(cid.toString())
    return bytes === undefined ? Promise.reject(new BlockNotFoundError(cid)) : Promise.resolve(bytes)
  }
  const handle = createGateway({ get })
  return { root, reads, get, ask: (path, init) => handle(new Request(`http://localhost${path}`, init)) }
}

test('serves a file with type, length, tag and immutable caching', async () => {
  const { root, ask } = await gateway(site)
  const answer = await ask(`/ipfs/${root.toString()}/pictures/one.png`)
  expect(answer.status).toBe(200)
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(site['pictures/one.png'])
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'image/png',
    'content-length': '2',
    'cache-control': 'public, max-age=29030400, immutable',
    'accept-ranges': 'bytes',
    'content-disposition': "inline; filename*=UTF-8''one.png"
  })
  expect(answer.headers.get('etag')).toMatch(/^"bafkrei/)
})

test('a directory shows index.html; without the slash it redirects; without index it lists', async () => {
  const { root, ask } = await gateway(site)
  const base = `/ipfs/${root.toString()}`
  const bare = await ask(`${base}?x=1`)
  expect([bare.status, bare.headers.get('location')]).toEqual([301, `${base}/?x=1`])
  const index = await ask(`${base}/`)
  expect([index.headers.get('content-type'), await index.text()]).toEqual(['text/html; charset=utf-8', '<h1>hi</h1>'])
  const listing = await ask(`${base}/pictures/`)
  const page = await listing.text()
  expect(page).toContain('href="./one.png"')
  expect(page).toContain('href="./a%20%3Cb%3E.txt"')
  expect(page).toContain('a &#60;b&#62;.txt')
  const named = await ask(`${base}/pictures/a%20%3Cb%3E.txt`)
  expect(await named.text()).toBe('text')
  const slashed = await ask(`${base}/big.bin/`)
  expect([slashed.status, slashed.headers.get('location')]).toEqual([301, `${base}/big.bin`])
})

test.each([
  ['bytes=0-9', 0, 10],
  ['bytes=262140-262150', 262140, 262151],
  ['bytes=999990-', 999990, 1_000_000],
  ['bytes=-5', 999995, 1_000_000],
  ['bytes=10-99999999', 10, 1_000_000]
])('range %s', async (header, start, end) => {
  const { root, ask } = await gateway(site, { rawLeaves: false })
  const answer = await ask(`/ipfs/${root.toString()}/big.bin`, { headers: { Range: header } })
  expect(answer.status).toBe(206)
  expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/1000000`)
  expect(answer.headers.get('content-length')).toBe(String(end - start))
  expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), big.subarray(start, end))).toBe(0)
})

test('ranges that are behind the end, many or malformed; If-Range', async () => {
  const { root, ask } = await gateway(site)
  const path = `/ipfs/${root.toString()}/big.bin`
  const behind = await ask(path, { headers: { Range: 'bytes=1000000-' } })
  expect([behind.status, behind.headers.get('content-range')]).toEqual([416, 'bytes */1000000'])
  for (const Range of ['bytes=0-1,5-6', 'bytes=9-3', 'lines=1-2', 'bytes=-']) {
    expect((await ask(path, { headers: { Range } })).status).toBe(200)
  }
  expect((await ask(path, { headers: { Range: 'bytes=0-1', 'If-Range': '"other"' } })).status).toBe(200)
})

test('only the blocks of the range are read', async () => {
  const { root, ask, reads } = await gateway({ 'big.bin': big })
  await (await ask(`/ipfs/${root.toString()}/big.bin`, { headers: { Range: 'bytes=300000-300010' } })).arrayBuffer()
  expect(reads.filter((cid) => cid.startsWith('bafkrei'))).toHaveLength(1)
})

test('a big file is read as it is pulled', async () => {
  const chunks = new Uint8Array(20_000_000)
  const { root, ask, reads } = await gateway({ 'x.bin': chunks.map((_, i) => (i >> 18) + i) })
  const answer = await ask(`/ipfs/${root.toString()}/x.bin`)
  const reader = answer.body?.getReader()
  await reader?.read()
  const leaves = new Set(reads.filter((cid) => cid.startsWith('bafkrei')))
  expect(leaves.size).toBeLessThanOrEqual(10)
  await reader?.cancel()
})

test('HEAD has the headers and no body; a matching tag answers 304', async () => {
  const { root, ask } = await gateway(site)
  const path = `/ipfs/${root.toString()}/big.bin`
  const head = await ask(path, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length'), head.body]).toEqual([200, '1000000', null])
  const tag = head.headers.get('etag') ?? ''
  for (const header of [tag, `"x", W/${tag}`, '*']) {
    expect((await ask(path, { headers: { 'If-None-Match': header } })).status).toBe(304)
  }
  expect((await ask(path, { headers: { 'If-None-Match': '"x"' } })).status).toBe(200)
  expect((await ask(`/ipfs/${root.toString()}/pictures/`, { method: 'HEAD' })).body).toBeNull()
})

test('HAMT directories: names are found and all are listed', async () => {
  const files = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`file-${i}.txt`, `content ${i}`]))
  const { root, ask } = await gateway(files, { shardSplitThresholdBytes: 100 })
  const base = `/ipfs/${root.toString()}`
  expect(await (await ask(`${base}/file-321.txt`)).text()).toBe('content 321')
  expect((await ask(`${base}/file-500.txt`)).status).toBe(404)
  const page = await (await ask(`${base}/`)).text()
  for (const name of Object.keys(files)) expect(page).toContain(`>${name}<`)
})

test('content without a name is recognised by its first bytes; ?filename names it', async () => {
  const { root, ask } = await gateway({
    a: 'plain words äöü',
    b: '<!DOCTYPE html><p>',
    c: new Uint8Array([0, 1, 2]),
    d: ''
  })
  const typeOf = async (path: string): Promise<string | null> =>
    (await ask(`/ipfs/${root.toString()}/${path}`)).headers.get('content-type')
  expect(await typeOf('a')).toBe('text/plain; charset=utf-8')
  expect(await typeOf('b')).toBe('text/html; charset=utf-8')
  expect(await typeOf('c')).toBe('application/octet-stream')
  expect(await typeOf('d')).toBe('text/plain; charset=utf-8')
  expect(await typeOf('c?filename=x.pdf')).toBe('application/pdf')
  const named = await ask(`/ipfs/${root.toString()}/a?filename=${encodeURIComponent('ü"\r\n.txt')}`)
  expect(named.headers.get('content-disposition')).toBe("inline; filename*=UTF-8''%C3%BC%22%0D%0A.txt")
})

test('errors are one line with the right status', async () => {
  const { root, ask } = await gateway(site)
  const base = `/ipfs/${root.toString()}`
  const refused = async (path: string, init?: RequestInit): Promise<[number, string]> => {
    const answer = await ask(path, init)
    const text = await answer.text()
    expect(text).toMatch(/^[^\n]+\n$/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    return [answer.status, text.trim()]
  }
  expect(await refused('/')).toEqual([404, 'nothing here: this gateway serves /ipfs/{cid}[/path]'])
  expect(await refused('/ipns/x')).toEqual([404, 'nothing here: this gateway serves /ipfs/{cid}[/path]'])
  expect(await refused('/ipfs/nonsense')).toEqual([400, 'invalid CID: nonsense'])
  expect(await refused(`${base}/%ff`)).toEqual([400, 'the path is not properly percent-encoded'])
  expect(await refused(`${base}/a%2Fb`)).toEqual([400, 'bad name in path: "a/b"'])
  expect(await refused(`${base}/missing`)).toEqual([404, `no link named "missing" under ${root.toString()}`])
  expect((await refused(`${base}/big.bin/below`))[0]).toBe(404)
  expect((await refused(base, { method: 'POST' }))[0]).toBe(405)
  const absent = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
  expect(await refused(`/ipfs/${absent}`)).toEqual([404, `block not found: ${absent}`])
  const cbor = CID.createV1(0x71, digest.create(0, new Uint8Array([0xa0])))
  const handle = createGateway({ get: (cid) => Promise.resolve(cid.multihash.digest) })
  expect((await handle(new Request(`http://localhost/ipfs/${cbor.toString()}`))).status).toBe(400)
})

test('a block that does not come in time is a gateway timeout', async () => {
  const get: GetBlock = () => Promise.reject(new DOMException('no peer has it', 'TimeoutError'))
  const answer = await createGateway({ get })(
    new Request('http://localhost/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
  )
  expect([answer.status, await answer.text()]).toEqual([504, 'the content was not found in time: no peer has it\n'])
})
