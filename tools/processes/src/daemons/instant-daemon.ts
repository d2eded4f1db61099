import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/** How often each call was made, by its path such as `pin/add`; a `pin/ls` of one CID is `pin/ls one`. */
export type CallCounts = Readonly<Record<string, number>>

/** Where the counts and the pins can be read; the RPC of Kubo has no such path. */
export const COUNTS_PATH = '/counts'
const RPC_PREFIX = '/api/v0/'
/** Lines of a listing that are written at once. */
const LINES_PER_WRITE = 1024
const PART_NAME = 'filename="'
/** Identities of daemons, which nobody ever connects with. */
const IDS = [
  '12D3KooWB4xqqRPnLB9yqwrXWmp67egFQf9oZrkHJRddPR6KDXbp',
  '12D3KooWFBFCDQzAkQSwPZLV883pKdsmb6urQ3sMjfJHUxn5GCVv'
]

/**
 * Stands in for a Kubo daemon where its work is not what is tested or measured: every content is at hand at once, and
 * pins are remembered, in memory. It counts the calls.
 */
export class InstantDaemon {
  readonly pins = new Map<string, 'recursive' | 'direct'>()
  readonly #counts = new Map<string, number>()
  readonly #server = createServer((request, response) => {
    if (request.url?.startsWith(`${RPC_PREFIX}block/put?`) === true) {
      this.#count('block/put')
      takeBlocks(request, response)
      return
    }
    request.resume()
    this.#serve(request, response)
  })
  readonly #id: string

  /** @param index - which of several it is */
  constructor(index: number) {
    this.#id = IDS[index % IDS.length] ?? ''
  }

  async listen(port: number): Promise<void> {
    this.#server.keepAliveTimeout = 0
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  #serve({ url = '' }: IncomingMessage, response: ServerResponse): void {
    if (url === COUNTS_PATH) {
      say(response, 200, { counts: Object.fromEntries(this.#counts), pins: this.pins.size })
      return
    }
    const [path = '', query = ''] = url.slice(RPC_PREFIX.length).split('?')
    const [argument = '', second = ''] = [...query.matchAll(/(?:^|&)arg=([^&]*)/g)].map(([, value]) => value)
    const name = path === 'pin/ls' && argument !== '' ? 'pin/ls one' : path
    this.#count(name)
    switch (path) {
      case 'id':
        say(response, 200, { ID: this.#id, PublicKey: '', Addresses: [], AgentVersion: 'kubo/0.42.0', Protocols: [] })
        break
      case 'pin/ls':
        if (argument === '') this.#list(/(?:^|&)type=([^&]*)/.exec(query)?.[1] ?? 'recursive', response)
        else this.#find(argument, /(?:^|&)type=direct/.test(query) ? 'direct' : 'recursive', response)
        break
      case 'pin/add':
        this.pins.set(argument, /(?:^|&)recursive=false/.test(query) ? 'direct' : 'recursive')
        response.end(`{"Progress":1,"Bytes":1}\n{"Pins":["${argument}"]}\n`)
        break
      case 'pin/update':
        if (this.pins.get(argument) !== 'recursive') {
          fail(response, "'from' cid was not recursively pinned already")
          break
        }
        if (!query.includes('unpin=false')) this.pins.delete(argument)
        this.pins.set(second, 'recursive')
        say(response, 200, { Pins: [argument, second] })
        break
      case 'pin/rm':
        if (this.pins.delete(argument)) say(response, 200, { Pins: [argument] })
        else fail(response, 'not pinned or pinned indirectly')
        break
      case 'repo/stat':
        say(response, 200, { RepoSize: 0, StorageMax: 10_000_000_000, NumObjects: 0, RepoPath: '', Version: '' })
        break
      case 'swarm/peers':
        say(response, 200, { Peers: [] })
        break
      case 'swarm/connect':
        say(response, 200, { Strings: [`connect ${argument} success`] })
        break
      case 'config/show':
        say(response, 200, { Datastore: { StorageMax: '10G', GCPeriod: '1h' }, Identity: { PeerID: this.#id } })
        break
      default:
        response.writeHead(404).end('404 page not found')
    }
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  #find(cid: string, type: string, response: ServerResponse): void {
    if (this.pins.get(cid) === type) say(response, 200, { Cid: cid, Type: type })
    else fail(response, `path '${cid}' is not pinned`)
  }

  #list(type: string, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    Readable.from(this.#lines(type)).pipe(response)
  }

  *#lines(type: string): Generator<string> {
    let lines: string[] = []
    for (const [cid, kind] of this.pins) {
      if (kind !== type) continue
      lines.push(`{"Cid":"${cid}","Type":"${kind}"}\n`)
      if (lines.length < LINES_PER_WRITE) continue
      yield lines.join('')
      lines = []
    }
    yield lines.join('')
  }
}

/** Parts are named by the CIDs of their blocks; the blocks are not looked at, and not kept. */
function takeBlocks(request: IncomingMessage, response: ServerResponse): void {
  let rest: Buffer = Buffer.alloc(0)
  response.writeHead(200, { 'content-type': 'application/json' })
  request.on('data', (bytes: Buffer) => {
    const text = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    let at = 0
    for (;;) {
      const start = text.indexOf(PART_NAME, at)
      const end = start === -1 ? -1 : text.indexOf('"', start + PART_NAME.length)
      if (end === -1) {
        // The end may hold the beginning of a name.
        rest = text.subarray(start === -1 ? Math.max(at, text.length - PART_NAME.length) : start)
        return
      }
      response.write(`{"Key":"${text.toString('latin1', start + PART_NAME.length, end)}","Size":1}\n`)
      at = end
    }
  })
  request.once('end', () => response.end())
}

function say(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`)
}

function fail(response: ServerResponse, message: string): void {
  say(response, 500, { Message: message, Code: 0, Type: 'error' })
}
