import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import { type ByteRange, parseRange } from './byte-range.ts'
import { contentTypeOf, sniffBytes, sniffContentType } from './content-type.ts'
import { directoryPage } from './directory-page.ts'
import { IpfsNodeError } from './errors.ts'
import { openUnixfs, readUnixfs, type UnixfsNode } from './unixfs-file.ts'
import { type GetBlock, readableStorage, resolvePath } from './unixfs-path.ts'

const cacheForever = 'public, max-age=29030400, immutable'
const cacheListing = 'public, max-age=604800'

/** What the gateway needs. */
export interface GatewayInit {
  /** Reads a block; reject with name `NotFoundError` for 404, `TimeoutError` for 504. */
  get: GetBlock
}

/** An answer instead of content. */
class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text)
    this.status = status
    this.headers = headers
  }
}

interface Target {
  readonly root: CID
  readonly names: readonly string[]
  readonly slash: boolean
}

/**
 * A read-only IPFS gateway: `GET` and `HEAD` of `/ipfs/{cid}[/path]`, as a function from `Request` to `Response`.
 *
 * Files are streamed, with one byte range, `ETag` and immutable caching; a directory shows its `index.html` or a plain
 * listing (`/` is added to its address so that relative links work). `?filename=` gives a name for the content type
 * and for saving. Errors are one line of plain text: 400 bad CID or path or not UnixFS, 404 no such name or block,
 * 405, 416, 504.
 */
export function createGateway({ get }: GatewayInit): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await serve(request, get)
    } catch (error) {
      const { status, message, headers } = refusalOf(error)
      const body = request.method === 'HEAD' ? null : `${message}\n`
      return new Response(body, {
        status,
        headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...headers }
      })
    }
  }
}

async function serve(request: Request, get: GetBlock): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new Refusal(405, `method ${request.method} is not allowed, this gateway is read-only`, { Allow: 'GET, HEAD' })
  }
  const url = new URL(request.url)
  const target = parseTarget(url.pathname)
  const options = { signal: request.signal }
  const cid = await resolvePath(target.root, target.names, get, options)
  const node = await openUnixfs(cid, get, options)
  const name = url.searchParams.get('filename') ?? target.names.at(-1) ?? ''
  if (node.type !== 'directory') {
    if (target.slash) return redirect(url, url.pathname.replace(/\/+$/, ''))
    return await serveFile(request, get, node, name)
  }
  if (!target.slash) return redirect(url, `${url.pathname}/`)
  const index = await indexOf(cid, get, request.signal)
  if (index !== undefined) return await serveFile(request, get, index, 'index.html')
  return await serveListing(request, get, target, cid)
}

function parseTarget(pathname: string): Target {
  const [empty, namespace, cidText, ...rest] = pathname.split('/')
  if (empty !== '' || namespace !== 'ipfs' || cidText === undefined || cidText === '') {
    throw new Refusal(404, 'nothing here: this gateway serves /ipfs/{cid}[/path]')
  }
  let root: CID
  try {
    root = CID.parse(cidText)
  } catch {
    throw new Refusal(400, `invalid CID: ${cidText}`)
  }
  let names: string[]
  try {
    names = rest.filter((part) => part !== '').map((part) => decodeURIComponent(part))
  } catch {
    throw new Refusal(400, 'the path is not properly percent-encoded')
  }
  return { root, names, slash: rest.at(-1) === '' }
}

function redirect(url: URL, pathname: string): Response {
  return new Response(null, {
    status: 301,
    headers: { Location: pathname + url.search, 'Cache-Control': cacheListing }
  })
}

async function indexOf(cid: CID, get: GetBlock, signal: AbortSignal): Promise<UnixfsNode | undefined> {
  try {
    const node = await openUnixfs(await resolvePath(cid, ['index.html'], get, { signal }), get, { signal })
    return node.type === 'file' ? node : undefined
  } catch (error) {
    if (error instanceof IpfsNodeError && error.code === 'NO_LINK') return undefined
    throw error
  }
}

async function serveFile(request: Request, get: GetBlock, file: UnixfsNode, name: string): Promise<Response> {
  const options = { signal: request.signal }
  const etag = `"${file.cid.toString()}"`
  const common = { ETag: etag, 'Cache-Control': cacheForever, 'X-Content-Type-Options': 'nosniff' }
  if (isUnchanged(request, etag)) return new Response(null, { status: 304, headers: common })
  const ifRange = request.headers.get('If-Range')
  const rangeHeader = ifRange === null || ifRange === etag ? request.headers.get('Range') : null
  const range = request.method === 'GET' ? parseRange(rangeHeader, file.size) : undefined
  if (range === 'unsatisfiable') {
    throw new Refusal(416, 'the range lies behind the end of the file', { 'Content-Range': `bytes */${file.size}` })
  }
  const part: ByteRange = range ?? { start: 0, end: file.size }
  const headers = new Headers({
    ...common,
    'Content-Type': await typeOf(file, name, get, options.signal),
    'Content-Length': String(part.end - part.start),
    'Accept-Ranges': 'bytes'
  })
  if (range !== undefined) headers.set('Content-Range', `bytes ${range.start}-${range.end - 1}/${file.size}`)
  if (name !== '') headers.set('Content-Disposition', `inline; filename*=UTF-8''${encodeRfc8187(name)}`)
  const body = request.method === 'HEAD' ? null : ReadableStream.from(readUnixfs(file.cid, part, get, options))
  return new Response(body, { status: range === undefined ? 200 : 206, headers })
}

async function typeOf(file: UnixfsNode, name: string, get: GetBlock, signal: AbortSignal): Promise<string> {
  if (file.type === 'symlink') return 'inode/symlink'
  const known = contentTypeOf(name)
  if (known !== undefined) return known
  const head = new Uint8Array(Math.min(sniffBytes, file.size))
  let at = 0
  for await (const chunk of readUnixfs(file.cid, { start: 0, end: head.byteLength }, get, { signal })) {
    head.set(chunk, at)
    at += chunk.byteLength
  }
  return sniffContentType(head)
}

async function serveListing(request: Request, get: GetBlock, target: Target, cid: CID): Promise<Response> {
  const etag = `"list-${cid.toString()}"`
  const headers = { ETag: etag, 'Cache-Control': cacheListing, 'X-Content-Type-Options': 'nosniff' }
  if (isUnchanged(request, etag)) return new Response(null, { status: 304, headers })
  const page = { ...headers, 'Content-Type': 'text/html; charset=utf-8' }
  if (request.method === 'HEAD') return new Response(null, { headers: page })
  const directory = await exporter(cid, readableStorage(get), { signal: request.signal })
  if (directory.type !== 'directory') throw new Refusal(400, `${cid.toString()} is not a directory`)
  const path = ['/ipfs', target.root.toString(), ...target.names].join('/')
  const entries = directory.entries({ signal: request.signal })
  return new Response(ReadableStream.from(directoryPage(path, target.names.length === 0, entries)), { headers: page })
}

function isUnchanged(request: Request, etag: string): boolean {
  const header = request.headers.get('If-None-Match')
  if (header === null) return false
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

function encodeRfc8187(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (!(error instanceof Error)) return new Refusal(500, String(error))
  if (error.name === 'NotFoundError') return new Refusal(404, error.message)
  if (error.name === 'TimeoutError') return new Refusal(504, `the content was not found in time: ${error.message}`)
  if (error instanceof IpfsNodeError) {
    return new Refusal(error.code === 'NO_LINK' ? 404 : error.code === 'NOT_OPEN' ? 503 : 400, error.message)
  }
  return new Refusal(500, error.message)
}
