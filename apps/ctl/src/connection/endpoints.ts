import { lookup } from 'node:dns/promises'
import { parseMultiaddr } from '@cluster/config'
import { Failure } from '../failure.ts'

/** One place where the API may be. */
export interface Endpoint {
  readonly url: URL
  /** Set for Unix sockets. */
  readonly socketPath?: string
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
  const secretBytes = checkSecret(secret)
  const addresses = hosts.split(',').map(addressText)
  const endpoints: Endpoint[] = []
  for (const text of addresses) {
    if (/\/(p2p|ipfs)\/|^\/dnsaddr\//.test(text)) refuseLibp2p(text, secretBytes)
    endpoints.push(...(await resolve(text, isHttps)))
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
 * The number of bytes of a secret.
 *
 * @throws {Failure} when it is no hexadecimal text
 */
export function checkSecret(secret: string): number {
  const bad = /[^\da-f]/iu.exec(secret)?.[0]
  if (bad !== undefined) {
    const code = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    throw new Failure('parsing secret', `encoding/hex: invalid byte: U+${code} '${bad}'`)
  }
  if (secret.length % 2 === 1) throw new Failure('parsing secret', 'encoding/hex: odd length hex string')
  return secret.length / 2
}

function refuseLibp2p(address: string, secretBytes: number): never {
  const doing = 'creating API client'
  if (/^\/(p2p|ipfs)\/[^/]+$/.test(address)) throw new Failure(doing, 'APIAddr only includes a Peer ID')
  if (secretBytes !== 0 && secretBytes !== SECRET_BYTES) {
    throw new Failure(doing, 'length of ProtectorKey should be 32')
  }
  throw new Failure(doing, `${address}: HTTP over libp2p is not supported yet; give an address without /p2p/…`)
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
