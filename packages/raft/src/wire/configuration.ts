import { always, array, decode, encode, mapped, struct, type Codec } from '@cluster/msgpack'
import type { Configuration, Server, Suffrage } from '../configuration.ts'
import { EntryType, type WireEntry } from '../entry.ts'
import { name, signed } from './scalars.ts'

/** Servers that a configuration may have: far more than can agree on anything. */
const MAX_SERVERS = 1024

const suffrage: Codec<Suffrage> = mapped(
  signed,
  // what is neither a voter nor known only receives
  (value) => (value === 0 ? 0 : value === 2 ? 2 : 1),
  (value) => value
)

const server = struct<Server>({
  address: always('Address', name),
  id: always('ID', name),
  suffrage: always('Suffrage', suffrage)
})

const configuration: Codec<Configuration> = mapped(
  struct<{ servers: readonly Server[] | undefined }>({ servers: always('Servers', array(server)) }),
  ({ servers }) => ({ servers: servers ?? [] }),
  ({ servers }) => ({ servers })
)

const addresses = array(name)

/** The bytes of a configuration, in entries and in `InstallSnapshot`. @see wire-raft.md §3.6 */
export function encodeConfiguration(value: Configuration): Uint8Array {
  return encode(configuration, value)
}

/** Throws a `MsgpackError`. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  return decode(configuration, bytes, { maxItems: MAX_SERVERS })
}

/** The addresses of the voters: the old form, which goes along in snapshots. */
export function encodeVoterAddresses({ servers }: Configuration): Uint8Array {
  return encode(
    addresses,
    servers.filter((one) => one.suffrage === 0).map(({ address }) => address)
  )
}

/**
 * The configuration that an entry sets; undefined if it is none. Entries of the deprecated types hold all voters.
 * Throws a `MsgpackError`.
 */
export function configurationOf({ type, data }: WireEntry): Configuration | undefined {
  if (type === EntryType.configuration) return decodeConfiguration(data ?? new Uint8Array())
  if (type !== EntryType.addPeer && type !== EntryType.removePeer) return undefined
  const voters = decode(addresses, data ?? new Uint8Array(), { maxItems: MAX_SERVERS }) ?? []
  return { servers: voters.map((address) => ({ id: address, address, suffrage: 0 })) }
}
