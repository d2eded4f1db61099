import { ClusterError } from '@cluster/api'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { orBad } from './list-query.ts'

/** Longest name, in characters. */
const MAX_NAME_CHARACTERS = 255
const WHAT = 'error decoding request body'

/** The pin that a client sends. */
export interface WantedPin {
  readonly cid: CID
  readonly name: string
  readonly origins: readonly Multiaddr[]
  readonly meta: ReadonlyMap<string, string>
}

/**
 * Reads the body of a request. Keys are compared without regard to case, and others ignored.
 *
 * @throws {ClusterError} `BAD_REQUEST`
 * @see http-apis.md §6.3, §6.8
 */
export function wantedPinOf(body: string): WantedPin {
  if (body.trim() === '') throw bad('EOF')
  const json = orBad(WHAT, (): unknown => JSON.parse(body))
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('expected an object')
  const fields = new Map(Object.entries(json).map(([key, value]: [string, unknown]) => [key.toLowerCase(), value]))
  const cid = fields.get('cid') ?? undefined
  if (typeof cid !== 'string') throw bad('cid: expected a CID as text')
  return {
    cid: orBad(WHAT, () => CID.parse(cid)),
    name: nameOf(fields.get('name') ?? ''),
    origins: originsOf(fields.get('origins') ?? []),
    meta: metaOf(fields.get('meta') ?? {})
  }
}

function nameOf(name: unknown): string {
  if (typeof name !== 'string') throw bad('name: expected a text')
  if (name.length > MAX_NAME_CHARACTERS && Array.from(name).length > MAX_NAME_CHARACTERS) {
    throw bad('pin name is over 255 chars')
  }
  return name
}

function originsOf(origins: unknown): readonly Multiaddr[] {
  if (!Array.isArray(origins)) throw bad('origins: expected a list')
  return origins.map((origin: unknown) => {
    if (typeof origin !== 'string') throw bad('origins: expected a list of multiaddresses')
    if (!origin.startsWith('/')) throw bad(`failed to parse multiaddr ${JSON.stringify(origin)}: must begin with /`)
    return orBad(`${WHAT}: failed to parse multiaddr ${JSON.stringify(origin)}`, () => multiaddr(origin))
  })
}

function metaOf(meta: unknown): ReadonlyMap<string, string> {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) throw bad('meta: expected an object')
  const pairs = Object.entries(meta).map(([key, value]: [string, unknown]) => {
    if (typeof value !== 'string') throw bad(`meta: the value of ${JSON.stringify(key)} is no string`)
    return [key, value] as const
  })
  return new Map(pairs)
}

const bad = (reason: string): ClusterError => new ClusterError('BAD_REQUEST', `${WHAT}: ${reason}`)
