import type { PeerId } from '@libp2p/interface'
import { CODE_DNS, CODE_DNS4, CODE_DNS6, CODE_DNSADDR, type Multiaddr } from '@multiformats/multiaddr'
import { withoutPeer } from './announce.ts'

/** Addresses of one peer, without `/p2p/`. */
export interface PeerAddresses {
  readonly peer: PeerId
  readonly addresses: readonly Multiaddr[]
}

/** Priority of a peer that could not be reached. */
export const lastPriority = 9999
const dnsCodes: readonly number[] = [CODE_DNS, CODE_DNS4, CODE_DNS6, CODE_DNSADDR]

interface Entry {
  readonly peer: PeerId
  readonly addresses: Map<string, { readonly address: Multiaddr; readonly untilMs: number }>
}

/**
 * The addresses that were given to a host, with how long they hold, and the priorities of peers. libp2p's peer store
 * knows neither: it replaces what was given by what a peer says of itself.
 *
 * @see wire-host-rpc.md §1.10
 */
export class AddressBook {
  readonly #nowMs: () => number
  readonly #entries = new Map<string, Entry>()
  readonly #priorities = new Map<string, number>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** @param ttlMs - undefined: forever. Adding again never shortens it. */
  add(peer: PeerId, address: Multiaddr, ttlMs: number | undefined): void {
    const key = peer.toString()
    const entry: Entry = this.#entries.get(key) ?? { peer, addresses: new Map<string, never>() }
    this.#entries.set(key, entry)
    const bare = withoutPeer(address)
    const text = bare.toString()
    const untilMs = ttlMs === undefined ? Infinity : this.#nowMs() + ttlMs
    entry.addresses.set(text, { address: bare, untilMs: Math.max(untilMs, entry.addresses.get(text)?.untilMs ?? 0) })
  }

  /** The addresses of a peer that still hold. */
  addresses(peer: PeerId): readonly Multiaddr[] {
    const entry = this.#entries.get(peer.toString())
    if (entry === undefined) return []
    for (const [text, { untilMs }] of entry.addresses) {
      if (untilMs <= this.#nowMs()) entry.addresses.delete(text)
    }
    if (entry.addresses.size === 0) this.#entries.delete(peer.toString())
    return [...entry.addresses.values()].map(({ address }) => address)
  }

  /** All peers with addresses that still hold. */
  peers(): readonly PeerId[] {
    return [...this.#entries.values()].map(({ peer }) => peer).filter((peer) => this.addresses(peer).length > 0)
  }

  /** Lower is better; 0 for a peer without one. */
  priority(peer: PeerId): number {
    return this.#priorities.get(peer.toString()) ?? 0
  }

  setPriority(peer: PeerId, priority: number): void {
    this.#priorities.set(peer.toString(), priority)
  }
}

/** What to save and try of a peer's addresses: those with a DNS name if there are any, else all, sorted as text. */
export function preferDns(addresses: readonly Multiaddr[]): readonly Multiaddr[] {
  const named = addresses.filter((address) => address.getComponents().some(({ code }) => dnsCodes.includes(code)))
  const chosen = named.length > 0 ? named : addresses
  return [...chosen].sort((a, b) => (a.toString() < b.toString() ? -1 : a.toString() > b.toString() ? 1 : 0))
}

/** The items in random order. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
