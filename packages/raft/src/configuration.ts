import { RaftError } from './errors.ts'

/** The name of a server. A cluster peer uses its peer ID; texts are compared byte by byte. */
export type ServerId = string

/** What a server is there for: 0 votes, 1 only receives, 2 (deprecated) only receives. */
export type Suffrage = 0 | 1 | 2

/** One server of a configuration. */
export interface Server {
  readonly id: ServerId
  /** Where it is reached. Go's cluster peers use the ID here, too. */
  readonly address: string
  readonly suffrage: Suffrage
}

/** The servers of a cluster, in the order in which they came. */
export interface Configuration {
  readonly servers: readonly Server[]
}

/** One change of a configuration. */
export type ConfigurationChange =
  | { readonly type: 'add'; readonly id: ServerId; readonly address?: string; readonly suffrage?: 0 | 1 }
  | { readonly type: 'remove'; readonly id: ServerId }

/** A configuration of voters that are reached by their IDs. */
export function votersOf(ids: Iterable<ServerId>): Configuration {
  return { servers: [...new Set(ids)].map((id) => ({ id, address: id, suffrage: 0 })) }
}

/** Whether the server votes. */
export function isVoter(configuration: Configuration, id: ServerId): boolean {
  return configuration.servers.some((server) => server.id === id && server.suffrage === 0)
}

/** How many voters are a majority. */
export function quorumOf(configuration: Configuration): number {
  let voters = 0
  for (const { suffrage } of configuration.servers) if (suffrage === 0) voters++
  return Math.floor(voters / 2) + 1
}

/** The configuration after a change; the same object if it changes nothing. */
export function changed(configuration: Configuration, change: ConfigurationChange): Configuration {
  const { servers } = configuration
  if (change.type === 'remove') {
    const left = servers.filter(({ id }) => id !== change.id)
    return left.length === servers.length ? configuration : { servers: left }
  }
  const { id, address = change.id, suffrage = 0 } = change
  const server: Server = { id, address, suffrage }
  const at = servers.findIndex((other) => other.id === id)
  const former = servers[at]
  if (former === undefined) return { servers: [...servers, server] }
  if (former.address === address && former.suffrage === suffrage) return configuration
  return { servers: servers.with(at, server) }
}

/**
 * Throws `RAFT_BAD_CONFIGURATION` unless IDs and addresses are there and unique, and somebody votes.
 *
 * @see wire-raft.md §3.6: the texts are Go's
 */
export function checkConfiguration({ servers }: Configuration): void {
  const ids = new Set<string>()
  const addresses = new Set<string>()
  for (const server of servers) {
    if (server.id === '') throw bad(`empty ID in configuration: ${JSON.stringify(server)}`)
    if (server.address === '') throw bad(`empty address in configuration: ${JSON.stringify(server)}`)
    if (ids.has(server.id)) throw bad(`found duplicate ID in configuration: ${server.id}`)
    if (addresses.has(server.address)) throw bad(`found duplicate address in configuration: ${server.address}`)
    ids.add(server.id)
    addresses.add(server.address)
  }
  if (!servers.some(({ suffrage }) => suffrage === 0)) {
    throw bad(`need at least one voter in configuration: ${JSON.stringify(servers)}`)
  }
}

function bad(message: string): RaftError {
  return new RaftError('RAFT_BAD_CONFIGURATION', message)
}
