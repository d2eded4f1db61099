import { SERVICE_STATES, type ServiceState } from '@cluster/api'

/** Peers that anything is decided about; more than any cluster has, and what fits one message. */
export const MAX_SERVICES = 512

/** The last time there is: beyond it no later decision could be told. */
const LAST_MS = 8_640_000_000_000_000

/** What one peer decided about one peer. IDs are texts. */
export interface ServiceStatement {
  readonly peer: string
  readonly state: ServiceState
  /** Milliseconds since the Unix epoch, by the clock of `by`; later ones win. */
  readonly atMs: number
  readonly by: string
}

/**
 * What was decided about peers, as a map that all peers keep and that converges whatever order statements arrive in: of
 * two about the same peer the later one counts, and of two at the same time the one whose text is greater.
 */
export interface ServiceMap {
  get(peer: string): ServiceState
  /** By the texts of the peers. */
  statements(): readonly ServiceStatement[]
  /** A decision of ours: it counts from now on, even if the one before it bears a time in the future. */
  decide(peer: string, state: ServiceState, by: string, nowMs: number): ServiceStatement
  /** Takes in what others decided; answers whether anything is new. */
  merge(statements: readonly ServiceStatement[]): boolean
}

/** An empty map. When it is full, the oldest decision that a peer serves as always makes room. */
export function createServiceMap(): ServiceMap {
  const known = new Map<string, ServiceStatement>()

  const put = (statement: ServiceStatement): boolean => {
    if (!known.has(statement.peer) && known.size >= MAX_SERVICES) {
      const [idle] = [...known.values()].filter(({ state }) => state === 'active').sort((a, b) => a.atMs - b.atMs)
      if (idle === undefined) return false
      known.delete(idle.peer)
    }
    known.set(statement.peer, statement)
    return true
  }

  return {
    get: (peer) => known.get(peer)?.state ?? 'active',
    statements: () => [...known.values()].sort((a, b) => (a.peer < b.peer ? -1 : 1)),
    decide(peer, state, by, nowMs) {
      const statement = { peer, state, by, atMs: Math.max(nowMs, (known.get(peer)?.atMs ?? -1) + 1) }
      put(statement)
      return statement
    },
    merge(statements) {
      let isNew = false
      for (const statement of statements) {
        const old = known.get(statement.peer)
        if (old === undefined || isLater(statement, old)) isNew = put(statement) || isNew
      }
      return isNew
    }
  }
}

function isLater(a: ServiceStatement, b: ServiceStatement): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs
  return `${a.state} ${a.by}` > `${b.state} ${b.by}`
}

/** What a peer tells the others of its kind, besides what all peers tell. */
export interface Bulletin {
  readonly statements: readonly ServiceStatement[]
  /** Whether its IPFS side answers. */
  readonly hasIpfs: boolean
  /** Whether it looks for pins to repair by itself. */
  readonly repairs: boolean
  /** Whether it moves pins because it was told to: then nobody else looks for pins to repair. */
  readonly moves: boolean
}

/** The text of a bulletin, as the value of a metric. */
export function formatBulletin({ statements, hasIpfs, repairs, moves }: Bulletin): string {
  return JSON.stringify({
    v: 1,
    ipfs: hasIpfs,
    repairs,
    moves,
    peers: Object.fromEntries(statements.map(({ peer, state, atMs, by }) => [peer, [state, atMs, by]]))
  })
}

/** Reads a bulletin; nothing where it is none. Statements that are malformed are left out, and so are those above the limit. */
export function parseBulletin(text: string): Bulletin | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null) return undefined
  const { v, ipfs, repairs, moves, peers } = json as Record<string, unknown>
  if (v !== 1) return undefined
  const entries: [string, unknown][] = typeof peers === 'object' && peers !== null ? Object.entries(peers) : []
  const statements = entries.slice(0, MAX_SERVICES).flatMap(([peer, entry]) => statementOf(peer, entry))
  return { statements, hasIpfs: ipfs !== false, repairs: repairs === true, moves: moves === true }
}

function statementOf(peer: string, entry: unknown): readonly ServiceStatement[] {
  if (!Array.isArray(entry)) return []
  const [name, atMs, by] = entry as unknown[]
  const state = SERVICE_STATES.find((each) => each === name)
  if (state === undefined || typeof by !== 'string') return []
  if (!Number.isSafeInteger(atMs) || (atMs as number) > LAST_MS) return []
  return [{ peer, state, atMs: atMs as number, by }]
}
