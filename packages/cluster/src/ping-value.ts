import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** The name of the metric by which peers show that they are there. */
export const PING = 'ping'

/** What a peer says of itself in its pings. */
export interface PingValue {
  readonly peername: string
  readonly ipfsPeerId: PeerId | undefined
  readonly ipfsPeerAddresses: readonly Multiaddr[] | undefined
}

const NOTHING: PingValue = Object.freeze({ peername: '', ipfsPeerId: undefined, ipfsPeerAddresses: undefined })

/**
 * The value of a ping: JSON with what is empty left out, addresses others cannot use among it.
 *
 * @see wire-host-rpc.md §6
 */
export function formatPing({ peername, ipfsPeerId, ipfsPeerAddresses }: PingValue): string {
  const addresses = (ipfsPeerAddresses ?? []).filter(isUsefulToOthers).map(String)
  return JSON.stringify({
    ...(peername === '' ? {} : { peer_name: peername }),
    ...(ipfsPeerId === undefined ? {} : { ipfs_id: ipfsPeerId.toString() }),
    ...(addresses.length === 0 ? {} : { ipfs_addresses: addresses })
  })
}

/** Reads the value of a ping. What is missing or malformed is left empty: other implementations and old peers publish all sorts. */
export function parsePing(text: string): PingValue {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return NOTHING
  }
  if (typeof json !== 'object' || json === null) return NOTHING
  const { peer_name: name, ipfs_id: id, ipfs_addresses: addresses } = json as Record<string, unknown>
  const ipfsPeerAddresses = Array.isArray(addresses) ? addresses.map(readAddress).filter(isPresent) : []
  return {
    peername: typeof name === 'string' ? name : '',
    ipfsPeerId: typeof id === 'string' ? readPeerId(id) : undefined,
    ipfsPeerAddresses: ipfsPeerAddresses.length === 0 ? undefined : ipfsPeerAddresses
  }
}

/**
 * Whether an address is worth telling: a DNS name, or a global unicast address in Go's sense, where private ranges
 * count as global.
 *
 * @see behaviours.md §1.6
 */
export function isUsefulToOthers(address: Multiaddr): boolean {
  const components = address.getComponents()
  if (components.some(({ name }) => name.startsWith('dns'))) return true
  const ip = components.find(({ name }) => name === 'ip4') ?? components.find(({ name }) => name === 'ip6')
  if (ip?.value === undefined) return false
  return ip.name === 'ip4' ? isGlobalIp4(ip.value) : isGlobalIp6(ip.value)
}

function isGlobalIp4(text: string): boolean {
  const [first = 0, second = 0] = text.split('.').map(Number)
  if (text === '0.0.0.0' || text === '255.255.255.255' || first === 127) return false
  return !(first === 169 && second === 254) && (first < 224 || first > 239)
}

function isGlobalIp6(text: string): boolean {
  const address = new URL(`http://[${text.replace(/%.*$/, '')}]/`).hostname.slice(1, -1)
  if (address === '::' || address === '::1' || address.startsWith('ff')) return false
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address)
  if (mapped === null) return !/^fe[89ab]/.test(address)
  const [high, low] = [parseInt(mapped[1] ?? '0', 16), parseInt(mapped[2] ?? '0', 16)]
  return isGlobalIp4([high >> 8, high & 255, low >> 8, low & 255].join('.'))
}

function readPeerId(text: string): PeerId | undefined {
  try {
    return peerIdFromString(text)
  } catch {
    return undefined
  }
}

function readAddress(text: unknown): Multiaddr | undefined {
  if (typeof text !== 'string') return undefined
  try {
    return multiaddr(text)
  } catch {
    return undefined
  }
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined
}
