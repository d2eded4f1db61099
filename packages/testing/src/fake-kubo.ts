import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Block } from '@cluster/api'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { MemoryDag } from './memory-dag.ts'

/** What a call is answered with instead of what Kubo would. */
export type KuboScript = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void

const RAW = 0x55
const DAG_PB = 0x70
const hashes: Readonly<Record<string, { readonly code: number; readonly name: string }>> = {
  'sha2-256': { code: 0x12, name: 'sha256' },
  'sha2-512': { code: 0x13, name: 'sha512' }
}

/** An error as Kubo's HTTP RPC answers with. */
class KuboAnswer extends Error {}

/**
 * A Kubo daemon in memory, as its HTTP RPC shows it to a connector. It answers with texts recorded from a real one.
 *
 * @example
 * ```ts
 * const kubo = await FakeKubo.listen(texts)
 * kubo.provide([block])
 * // … `kubo.port` …
 * await kubo.close()
 * ```
 */
export class FakeKubo {
  /** Path below `/api/v0/` and query of the calls so far. */
  readonly calls: string[] = []
  /** The headers of the last call. */
  headers: IncomingMessage['headers'] = {}
  /** Pins by the text of their CID. */
  readonly pins = new Map<string, 'recursive' | 'direct'>()
  /** Names of pins by the text of their CID, of those that have one. */
  readonly names = new Map<string, string>()
  /** Addresses it was told to connect with. */
  readonly connected: string[] = []
  id = '12D3KooWB4xqqRPnLB9yqwrXWmp67egFQf9oZrkHJRddPR6KDXbp'
  addresses = ['/ip4/127.0.0.1/tcp/4001', '/ip4/192.0.2.1/udp/4001/quic-v1']
  swarm: readonly string[] = []
  readonly #texts: Readonly<Record<string, string>>
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #dag = new MemoryDag()
  readonly #scripts = new Map<string, KuboScript>()

  /** @param texts - answers of a real daemon, by the names they have in `vectors/cli/kubo-texts.json` */
  constructor(texts: Readonly<Record<string, string>>) {
    this.#texts = texts
  }

  /** One that listens on a free port of the loopback address, or on a Unix socket. */
  static async listen(texts: Readonly<Record<string, string>>, path?: string): Promise<FakeKubo> {
    const kubo = new FakeKubo(texts)
    await kubo.open(path)
    return kubo
  }

  async open(at: string | number = 0): Promise<void> {
    if (typeof at === 'string') this.#server.listen(at)
    else this.#server.listen(at, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Breaks all connections off. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  /** Puts blocks where it can fetch them. */
  provide(blocks: readonly Block[]): void {
    this.#dag.provide(blocks)
  }

  /** As after a start with an empty repository. */
  wipe(): void {
    this.pins.clear()
    this.names.clear()
    this.#dag.wipe()
  }

  /** Answers a call, such as `pin/add`, otherwise; `undefined` goes back to what Kubo does. */
  script(call: string, script: KuboScript | undefined): void {
    if (script === undefined) this.#scripts.delete(call)
    else this.#scripts.set(call, script)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = (request.url ?? '').replace('/api/v0/', '')
    this.calls.push(call)
    this.headers = request.headers
    const [path = '', query = ''] = call.split('?')
    const params = new URLSearchParams(query)
    try {
      const script = this.#scripts.get(path)
      if (request.method !== 'POST') response.writeHead(405).end('405 - Method Not Allowed')
      else if (script !== undefined) script(request, response, params)
      else await this.#answer(path, params, request, response)
    } catch (error) {
      if (!(error instanceof KuboAnswer)) throw error
      if (response.headersSent) response.addTrailers({ 'x-stream-error': error.message })
      else response.writeHead(500, { 'content-type': 'application/json' }).write(error.message)
      response.end()
    }
  }

  async #answer(path: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse) {
    const [arg = '', second = ''] = query.getAll('arg')
    const say = (value: unknown): void => {
      if (!response.headersSent) {
        response.writeHead(200, { 'content-type': 'application/json', trailer: 'X-Stream-Error' })
      }
      response.write(typeof value === 'string' ? `${value}\n` : `${JSON.stringify(value)}\n`)
    }
    switch (path) {
      case 'id':
        say({ ID: this.id, PublicKey: '', Addresses: this.addresses, AgentVersion: 'kubo/0.44.0', Protocols: null })
        break
      case 'pin/ls':
        this.#list(arg, query.get('type') ?? '', say)
        break
      case 'pin/add':
        await this.#pin(arg, query.get('recursive') === 'true', say, response)
        if (query.has('name')) this.names.set(arg, query.get('name') ?? '')
        break
      case 'pin/update':
        if (this.pins.get(arg) !== 'recursive') throw this.#error('pin/update from not pinned')
        await this.#pin(second, true, () => undefined, response)
        say({ Pins: [arg, second] })
        break
      case 'pin/rm':
        if (!this.pins.delete(arg)) throw this.#error('pin/rm not pinned')
        say({ Pins: [arg] })
        break
      case 'block/put':
        for (const bytes of partsOf(await buffer(request), request.headers['content-type'] ?? '')) {
          say({ Key: this.#put(bytes, query).toString(), Size: bytes.length })
        }
        break
      case 'block/get': {
        const block = this.#dag.fetch(CID.parse(arg))
        if (block === undefined) return // it looks for it, for ever
        response.writeHead(200, { 'content-type': 'application/octet-stream' }).write(block.bytes)
        break
      }
      case 'repo/stat':
        say({ ...(JSON.parse(this.#texts['repo/stat'] ?? '{}') as object), RepoSize: this.#dag.size })
        break
      case 'repo/gc':
        for (const { cid } of this.#dag.collect(this.#roots())) say({ Key: { '/': cid.toString() } })
        break
      case 'resolve':
        say({ Path: this.#resolve(arg) })
        break
      case 'swarm/peers':
        say({ Peers: this.swarm.length === 0 ? null : this.swarm.map((Peer) => ({ Addr: '/ip4/192.0.2.1', Peer })) })
        break
      case 'swarm/connect':
        this.connected.push(arg)
        say({ Strings: [`connect ${arg} success`] })
        break
      case 'config/show':
        say({ Datastore: { StorageMax: '10G', GCPeriod: '1h' }, Identity: { PeerID: this.id } })
        break
      default:
        response.writeHead(404)
    }
    if (!response.headersSent) response.writeHead(200)
    response.end()
  }

  #list(arg: string, type: string, say: (line: unknown) => void): void {
    if (arg === '') {
      for (const [cid, kind] of this.pins) if (kind === type) say({ Cid: cid, Type: kind })
    } else if (this.pins.get(arg) === type) say({ Cid: arg, Type: type })
    else throw this.#error('pin/ls recursive not pinned', arg)
  }

  /** Says its progress block by block; what nobody has it waits for, until it is provided or the caller breaks off. */
  async #pin(text: string, recursive: boolean, say: (line: unknown) => void, response: ServerResponse): Promise<void> {
    if (!recursive && this.pins.get(text) === 'recursive') throw this.#error('pin/add direct of a recursive pin', text)
    let nodes = 0
    let bytes = 0
    for (const { cid, block } of this.#dag.walk({ cid: CID.parse(text), recursive })) {
      if (block === undefined) say({ Progress: nodes, Bytes: bytes })
      const found = block ?? (await this.#arrival(cid, response))
      if (found === undefined) return
      nodes += 1
      bytes += found.bytes.length
    }
    this.pins.set(text, recursive ? 'recursive' : 'direct')
    say({ Progress: nodes, Bytes: bytes })
    say({ Pins: [text] })
  }

  /** A block that is provided later; nothing when the caller breaks off first. */
  async #arrival(cid: CID, response: ServerResponse): Promise<Block | undefined> {
    const gone = new AbortController()
    response.once('close', () => {
      gone.abort()
    })
    return await this.#dag.wait(cid, gone.signal).catch(() => undefined)
  }

  #put(bytes: Buffer, query: URLSearchParams): CID {
    const { code, name } = hashes[query.get('mhtype') ?? ''] ?? { code: 0, name: '' }
    const hashed = new Uint8Array(createHash(name).update(bytes).digest())
    const cid = CID.createV1(query.get('cid-codec') === 'raw' ? RAW : DAG_PB, digest.create(code, hashed))
    this.#dag.put({ cid, bytes })
    return cid
  }

  #roots() {
    return [...this.pins].map(([cid, kind]) => ({ cid: CID.parse(cid), recursive: kind === 'recursive' }))
  }

  #resolve(path: string): string {
    const [, , root = '', ...names] = path.split('/')
    const cid = this.#dag.resolve(CID.parse(root), names)
    if (cid === undefined) throw this.#error('resolve missing')
    return `/ipfs/${cid.toString()}`
  }

  /** A recorded error, about another CID than the one it was recorded with. */
  #error(name: string, cid?: string): KuboAnswer {
    const text = this.#texts[name]
    if (text === undefined) throw new Error(`no text was recorded for ${name}`)
    return new KuboAnswer(cid === undefined ? text : text.replace(/Qm[1-9A-HJ-NP-Za-km-z]{44}/, cid))
  }
}

/** The bodies of the parts of a multipart body. */
function partsOf(body: Buffer, contentType: string): Buffer[] {
  const [, boundary = ''] = /boundary=(.+)$/.exec(contentType) ?? []
  const text = body.toString('latin1')
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4, -2), 'latin1'))
}
