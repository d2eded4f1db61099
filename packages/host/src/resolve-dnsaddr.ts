import type { AbortOptions } from '@libp2p/interface'
import { CODE_DNSADDR, CODE_P2P, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { Resolver } from 'node:dns/promises'
import { HostError } from './host-error.ts'

/** Looks up the TXT records of a name, each as its strings. */
export type ResolveTxt = (name: string, options: AbortOptions) => Promise<readonly (readonly string[])[]>

/** `/dnsaddr` may point to `/dnsaddr`: this often. */
const maxDepth = 8
/** Most addresses taken from one name. */
const maxAddresses = 100

/**
 * Resolves an address that begins with `/dnsaddr/<name>` by the TXT records of `_dnsaddr.<name>`. With a
 * `/p2p/<peer ID>` at its end only addresses of that peer count. Other addresses are returned as they are.
 *
 * @throws HostError `no_resolved_addresses` when nothing is found
 * @see https://github.com/multiformats/multiaddr/blob/master/protocols/DNSADDR.md
 */
export async function resolveDnsaddr(
  address: Multiaddr,
  resolveTxt: ResolveTxt,
  options: AbortOptions
): Promise<readonly Multiaddr[]> {
  const found = await follow(address, resolveTxt, options, maxDepth)
  if (found.length === 0) throw new HostError('no_resolved_addresses', `${address.toString()}: no resolved addresses`)
  return found
}

async function follow(
  address: Multiaddr,
  resolveTxt: ResolveTxt,
  options: AbortOptions,
  depth: number
): Promise<readonly Multiaddr[]> {
  const [first] = address.getComponents()
  if (first?.code !== CODE_DNSADDR) return [address]
  if (depth === 0 || first.value === undefined) return []
  const wanted = peerOf(address)
  const records = await resolveTxt(`_dnsaddr.${first.value}`, options).catch(() => {
    options.signal?.throwIfAborted()
    return []
  })
  const found: Multiaddr[] = []
  for (const record of records) {
    const target = parseRecord(record.join(''))
    if (target === undefined || (wanted !== undefined && peerOf(target) !== wanted)) continue
    found.push(...(await follow(target, resolveTxt, options, depth - 1)))
    if (found.length >= maxAddresses) break
  }
  return found.slice(0, maxAddresses)
}

function parseRecord(text: string): Multiaddr | undefined {
  if (!text.startsWith('dnsaddr=')) return undefined
  try {
    return multiaddr(text.slice('dnsaddr='.length))
  } catch {
    return undefined
  }
}

function peerOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast((part) => part.code === CODE_P2P)?.value
}

/** TXT records by the resolver of the machine; an abort ends the query. */
export const systemResolveTxt: ResolveTxt = async (name, { signal }) => {
  const resolver = new Resolver()
  const cancel = (): void => {
    resolver.cancel()
  }
  signal?.addEventListener('abort', cancel)
  try {
    return await resolver.resolveTxt(name)
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}
