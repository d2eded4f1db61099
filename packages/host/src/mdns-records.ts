import {
  CODE_P2P_CIRCUIT,
  CODE_DNS,
  CODE_DNS4,
  CODE_DNS6,
  CODE_DNSADDR,
  CODE_IP4,
  CODE_IP6
} from '@multiformats/multiaddr'
import { CODE_WEBRTC, CODE_WEBRTC_DIRECT, CODE_WEBTRANSPORT, CODE_WS, CODE_WSS } from '@multiformats/multiaddr'
import { CODE_P2P, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { QueryOutgoingPacket, ResponseOutgoingPacket, ResponsePacket } from 'multicast-dns'

/** Under this name peers of all clusters find each other; the secret tells them apart. */
export const serviceName = '_ipfs-cluster-discovery._udp.local'
/** How long records hold, in seconds: those of the Go peer. */
const recordTtl = 3200
const addressTtl = 120
/** Meaningless, but looked for. */
const servicePort = 4001
/** Longest string in a TXT record. */
const maxTextLength = 255
/** Most addresses sent, and taken from one packet: with 64 it stays below the 9000 bytes of RFC 6762. */
const maxAddresses = 64
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'
const instanceLength = 40
const textPrefix = 'dnsaddr='
const dnsCodes: readonly number[] = [CODE_DNS, CODE_DNS4, CODE_DNS6, CODE_DNSADDR]
const unwanted: readonly number[] = [
  CODE_P2P_CIRCUIT,
  CODE_WS,
  CODE_WSS,
  CODE_WEBTRANSPORT,
  CODE_WEBRTC,
  CODE_WEBRTC_DIRECT
]

/** A name for a host in the answers of one run: 40 letters and digits. */
export function instanceName(random: () => number): string {
  return Array.from({ length: instanceLength }, () => alphabet.charAt(Math.floor(random() * alphabet.length))).join('')
}

/** Asks who is there. */
export function question(): QueryOutgoingPacket {
  return { questions: [{ name: serviceName, type: 'PTR', class: 'IN' }] }
}

/**
 * Tells where a host is. The Go peer ignores answers without SRV and A or AAAA records, and reads only the last TXT
 * record of an instance.
 *
 * @param addresses - each with `/p2p/<peer ID>`; those that do not belong into mDNS are left out
 * @param ip - the host's address on the network where the answer is sent
 * @returns undefined when there is nothing to tell
 * @see wire-host-rpc.md §1.9
 */
export function answer(
  instance: string,
  addresses: readonly Multiaddr[],
  ip: string
): ResponseOutgoingPacket | undefined {
  const texts = addresses
    .filter(isForMdns)
    .map((address) => textPrefix + address.toString())
    .filter((text) => text.length <= maxTextLength)
    .slice(0, maxAddresses)
  if (texts.length === 0) return undefined
  const name = `${instance}.${serviceName}`
  const target = `${instance}.local`
  return {
    answers: [{ name: serviceName, type: 'PTR', class: 'IN', ttl: recordTtl, data: name }],
    additionals: [
      {
        name,
        type: 'SRV',
        class: 'IN',
        ttl: recordTtl,
        data: { priority: 0, weight: 0, port: servicePort, target }
      },
      { name, type: 'TXT', class: 'IN', ttl: recordTtl, data: texts },
      { name: target, type: ip.includes(':') ? 'AAAA' : 'A', class: 'IN', ttl: addressTtl, data: ip }
    ]
  }
}

/** Whether a query asks for hosts of clusters. */
export function isQuestion(questions: readonly { readonly name: string; readonly type: string }[] = []): boolean {
  return questions.some(({ name, type }) => sameName(name, serviceName) && (type === 'PTR' || type === 'ANY'))
}

/** The addresses of hosts of clusters in an answer, by peer ID; texts that cannot be understood are left out. */
export function hostsIn(packet: Pick<ResponsePacket, 'answers' | 'additionals'>): ReadonlyMap<string, Multiaddr[]> {
  const hosts = new Map<string, Multiaddr[]>()
  let count = 0
  for (const record of [...(packet.answers ?? []), ...(packet.additionals ?? [])]) {
    if (record.type !== 'TXT' || !sameName(record.name.slice(-serviceName.length - 1), `.${serviceName}`)) continue
    for (const text of [record.data].flat()) {
      const address = parseText(text.toString())
      const id = address?.getComponents().at(-1)
      if (address === undefined || id?.code !== CODE_P2P || id.value === undefined) continue
      count += 1
      if (count > maxAddresses) return hosts
      hosts.set(id.value, [...(hosts.get(id.value) ?? []), address])
    }
  }
  return hosts
}

function isForMdns(address: Multiaddr): boolean {
  const parts = address.getComponents()
  const [first] = parts
  if (first === undefined || parts.some(({ code }) => unwanted.includes(code))) return false
  if (first.code === CODE_IP4 || first.code === CODE_IP6) return true
  return dnsCodes.includes(first.code) && first.value?.toLowerCase().endsWith('.local') === true
}

function parseText(text: string): Multiaddr | undefined {
  if (!text.startsWith(textPrefix)) return undefined
  try {
    return multiaddr(text.slice(textPrefix.length))
  } catch {
    return undefined
  }
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
