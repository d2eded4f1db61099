import { lookup } from 'node:dns/promises'
import { parseMultiaddr } from '@cluster/config'
import { multiaddr } from '@multiformats/multiaddr'
import { Failure } from '../failure.ts'
import type { Libp2pPeer } from './libp2p-way.ts'

/** One place where the API may be. */
export interface Endpoint {
  readonly url: URL
  /** Set for Unix sockets. */
  readonly socketPath?: string
  /** Set for peers that are reached over libp2p. */
  readonly libp2p?: Libp2pPeer
}

/** What the options in front of the command say of the connection. */
export interface EndpointOptions {
  /** Addresses, separated by commas. */
  readonly hosts: string
  readonly isHttps: boolean
  /** The secret of a private network, in hexadecimal. */
  readonly secret: string
}

const SECRET_BYTES = 32
const HTTP_PORT = '80'
const HTTPS_PORT = '443'
/** Names are asked for no longer than this. */
const LOOKUP_TIMEOUT_MS = 30_000

/**
 * The places that addresses stand for, in order: names stand for all that they lead to.
 *
 * @throws {Failure}
 * @see cli-config.md §1.2, §1.3
 */
export async function endpointsOf({ hosts, isHttps, secret }: EndpointOptions): Promise<readonly Endpoint[]> {
  const secretBytes = secretOf(secret).length
  const addresses = hosts.split(',').map(addressText)
  const endpoints: Endpoint[] = []
  for (const text of addresses) {
    const isLibp2p = /\/(p2p|ipfs)\/|^\/dnsaddr\//.test(text)
    endpoints.push(...(isLibp2p ? await resolveLibp2p(text, secretBytes) : await resolve(text, isHttps)))
  }
  return endpoints
}

function addressText(host: string): string {
  if (host === '') throw new Failure('parsing host multiaddress', 'failed to parse multiaddr "": empty multiaddr')
  try {
    return parseMultiaddr(host).toString()
  } catch (error) {
    throw new Failure('parsing host multiaddress', error)
  }
}

/**
 * The bytes of a secret.
 *
 * @throws {Failure} when it is no hexadecimal text
 */
export function secretOf(secret: string): Uint8Array {
  const bad = /[^\da-f]/iu.exec(secret)?.[0]
  if (bad !== undefined) {
    const code = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    throw new Failure('parsing secret', `encoding/hex: invalid byte: U+${code} '${bad}'`)
  }
  if (secret.length % 2 === 1) throw new Failure('parsing secret', 'encoding/hex: odd length hex string')
  return Uint8Array.from(secret.match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

async function resolveLibp2p(address: string, secretBytes: number): Promise<Endpoint[]> {
  if (/^\/(p2p|ipfs)\/[^/]+$/.test(address)) throw new Failure('creating API client', 'APIAddr only includes a Peer ID')
  if (secretBytes !== 0 && secretBytes !== SECRET_BYTES) {
    throw new Failure('creating API client', 'length of ProtectorKey should be 32')
  }
  const endpoints: Endpoint[] = []
  for (const resolved of await plainAddresses(address)) {
    const [, plain, peer] = /^(.+)\/(?:p2p|ipfs)\/([^/]+)$/.exec(resolved) ?? []
    if (plain === undefined || peer === undefined) throw new Failure('creating API client', `${resolved}: no peer ID`)
    endpoints.push({ url: new URL(`libp2p://${peer}`), libp2p: { peer, address: plain } })
  }
  return endpoints
}

/** The addresses that a name in front of a libp2p address stands for. */
async function plainAddresses(address: string): Promise<readonly string[]> {
  const [, protocol = '', name = '', rest = ''] = /^\/(dns|dns4|dns6|dnsaddr)\/([^/]+)(\/.*)?$/.exec(address) ?? []
  if (protocol === '') return [address]
  if (protocol !== 'dnsaddr') {
    const found = await addressesOf(name, protocol)
    return found.map((host) => (host.startsWith('[') ? `/ip6/${host.slice(1, -1)}${rest}` : `/ip4/${host}${rest}`))
  }
  // Loaded only by those who need it: it brings libp2p.
  const { resolveDnsaddr, systemResolveTxt } = await import('@cluster/host')
  const signal = AbortSignal.timeout(LOOKUP_TIMEOUT_MS)
  try {
    return (await resolveDnsaddr(multiaddr(address), systemResolveTxt, { signal })).map(String)
  } catch {
    throw new Failure('creating configs', `resolving ${address} returned 0 results`)
  }
}

async function resolve(address: string, isHttps: boolean): Promise<Endpoint[]> {
  const unix = /^\/unix(\/.*)$/.exec(address)
  if (unix !== null)
    return [{ url: new URL('http://restapi'), socketPath: decodeURIComponent(unix[1] ?? '').replace(/^\/+/, '/') }]
  const match = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)(?:\/tcp\/(\d+)(?:\/(?:ws|wss|http|https))?)?$/.exec(address)
  if (match === null) {
    throw new Failure('creating API client', `${address}: expected an address such as /ip4/127.0.0.1/tcp/9094`)
  }
  const [, protocol = '', name = '', port = isHttps ? HTTPS_PORT : HTTP_PORT] = match
  // The certificate is for the name, so the name is kept.
  const isName = protocol.startsWith('dns')
  const hosts = isName && !isHttps ? await addressesOf(name, protocol) : [protocol === 'ip6' ? `[${name}]` : name]
  return hosts.map((host) => ({ url: new URL(`${isHttps ? 'https' : 'http'}://${host}:${port}`) }))
}

async function addressesOf(name: string, protocol: string): Promise<string[]> {
  const family = protocol === 'dns4' ? 4 : protocol === 'dns6' ? 6 : 0
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    timeout.reject(new Failure('creating configs', `lookup ${name}: i/o timeout`))
  }, LOOKUP_TIMEOUT_MS)
  try {
    const found = await Promise.race([lookup(name, { all: true, family }), timeout.promise])
    return found.map((entry) => (entry.family === 6 ? `[${entry.address}]` : entry.address))
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('creating configs', `lookup ${name}: no such host`)
  } finally {
    clearTimeout(timer)
  }
}
