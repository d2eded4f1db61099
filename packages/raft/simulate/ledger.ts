import { mustHold } from '@cluster/testing'
import { quorumOf, type Configuration, type LogEntry, type RaftState, type Reply, type Request } from '../src/index.ts'
import type { DiskRecord } from './checked-log.ts'
import { operationOf } from './machine.ts'

/** What the ledger may ask about a server. */
export interface Witness {
  readonly name: string
  readonly record: DiskRecord
  /** The last entry that its newest snapshot on disk covers. */
  readonly snapshotIndex: number
  readonly state: RaftState | undefined
}

/** Everything that was seen in a run, and what must hold of it. @see wire-raft.md §5.1 */
export class Ledger {
  readonly #witnesses = new Map<string, Witness>()
  readonly #leaders = new Map<number, string>()
  /** `index/term` of every entry ever written, with its content and the term before it. */
  readonly #entries = new Map<number, { readonly what: number; readonly before: number }>()
  /** Terms of the committed entries, by index. */
  readonly #committed: (number | undefined)[] = []
  #lastCommitted = 0
  /** Applied entries by index: term, and how many operations there were then. */
  readonly #applied: (
    { readonly term: number; readonly count: number; readonly operation: number | undefined } | undefined
  )[] = []
  readonly #operations: number[] = []
  readonly #votes = new Map<string, string>()
  readonly #preVotes = new Map<string, Set<string>>()
  readonly #configurations = new Map<string, Configuration>()
  readonly acknowledged = new Set<number>()
  /** Takes a line for the trace. */
  trace: ((line: () => string) => void) | undefined

  watch(witness: Witness): void {
    this.#witnesses.set(witness.name, witness)
  }

  /** All operations that were applied somewhere, in order. */
  get operations(): readonly number[] {
    return this.#operations
  }

  get lastCommitted(): number {
    return this.#lastCommitted
  }

  /** P3: two logs with an entry of equal index and term are equal up to it. */
  written(name: string, entry: LogEntry, before: number): void {
    const key = entry.index * 65_536 + entry.term
    const what = operationOf(entry) ?? -1 - entry.type
    const known = this.#entries.get(key)
    if (known === undefined) this.#entries.set(key, { what, before })
    mustHold(
      // what stands before the first entry of a log after a snapshot is not known
      known === undefined || (known.what === what && (known.before === before || known.before === 0 || before === 0)),
      'P3: logs with an entry of equal index and term are equal up to it',
      () =>
        `${name}: entry ${entry.index}/${entry.term} after ${before} is ${what}, elsewhere ${known?.what ?? 0} after ${known?.before ?? 0}`
    )
    const committed = this.#committed[entry.index]
    mustHold(
      committed === undefined || committed === entry.term || !this.#isLeading(name),
      'P4: a leader has every committed entry',
      () => `${name} appends ${entry.index}/${entry.term}, and ${entry.index}/${committed ?? 0} is committed`
    )
  }

  /** T4: nobody drops an entry that is committed. */
  truncating(name: string, from: number): void {
    const record = this.#witnesses.get(name)?.record
    for (let index = from; record !== undefined && index <= record.last; index++) {
      const committed = this.#committed[index]
      mustHold(
        committed === undefined || committed !== record.termAt(index),
        'T4: committed entries are never dropped',
        () => `${name} drops ${index}/${committed ?? 0}`
      )
    }
  }

  /** A message leaves. P1, P8, P7, P14. */
  sent(name: string, to: string, request: Request, preVoters: Configuration | undefined): void {
    this.trace?.(() => `${name} → ${to} ${request.type}${'term' in request ? ` ${request.term}` : ''}`)
    const durable = this.#witnesses.get(name)?.record.stable
    if (request.type === 'timeout-now' || request.type === 'pre-vote') return
    mustHold(
      durable !== undefined && durable.term >= request.term,
      'P8: no message has a term that is not on the disk of its sender',
      () => `${name} sends ${request.type} of term ${request.term}, its disk has ${durable?.term ?? 0}`
    )
    if (request.type === 'append' || request.type === 'snapshot') this.#leads(name, request.term)
    if (request.type !== 'vote') return
    this.#granted(name, request.term, name)
    if (request.isTransfer || preVoters === undefined) return
    const granted = this.#preVotes.get(`${name} ${request.term}`)?.size ?? 0
    mustHold(
      granted + 1 >= quorumOf(preVoters),
      'P14: nobody raises its term whom no majority would elect',
      () => `${name} asks ${to} for votes of term ${request.term} after ${granted} pre-votes`
    )
  }

  /** An answer leaves. P7, P8. */
  answered(name: string, to: string, request: Request, { error, body }: Reply): void {
    this.trace?.(() => `${name} → ${to} ${JSON.stringify({ ...body, header: undefined })} ${error}`)
    if (error !== '' || body === undefined || !('term' in body)) return
    const durable = this.#witnesses.get(name)?.record.stable
    if (body.type === 'pre-vote') return
    mustHold(
      durable !== undefined && durable.term >= body.term,
      'P8: no message has a term that is not on the disk of its sender',
      () => `${name} answers ${body.type} with term ${body.term}, its disk has ${durable?.term ?? 0}`
    )
    if (body.type === 'vote' && body.granted && request.type === 'vote') {
      mustHold(
        durable.voteTerm > request.term || (durable.voteTerm === request.term && durable.vote === to),
        'P7: a vote is on the disk before it is told',
        () => `${name} votes for ${to} in term ${request.term}, its disk has ${durable.vote} in ${durable.voteTerm}`
      )
      this.#granted(name, request.term, to)
    }
    if (body.type === 'append' && body.success && request.type === 'append') this.#taken(name, request)
  }

  /** An answer arrives. */
  heard(name: string, from: string, request: Request, { body }: Reply): void {
    if (request.type !== 'pre-vote' || body?.type !== 'pre-vote' || !body.granted) return
    const key = `${name} ${request.term}`
    const set = this.#preVotes.get(key) ?? new Set()
    set.add(from)
    this.#preVotes.set(key, set)
  }

  /** The state of a server changed. P1, P4, P6, P13. */
  changed(name: string, state: RaftState): void {
    // a leader appends the next change right after the commit that allows it
    const before = this.#configurations.get(`${name} ${state.term}`) ?? state.configuration
    if (state.role === 'leader') {
      this.#leads(name, state.term)
      this.#checkConfiguration(name, state)
    }
    const { commitIndex } = state
    if (commitIndex > this.#lastCommitted) {
      mustHold(
        state.role === 'leader' || this.#isDurable(state, commitIndex),
        'P6: only leaders commit first',
        () => `${name} commits ${commitIndex}`
      )
      this.#commit(name, state, before)
    }
  }

  /** P5: no two servers apply different entries at one index. */
  applied(name: string, entry: LogEntry, count: number): void {
    const known = this.#applied[entry.index]
    const operation = operationOf(entry)
    if (known === undefined) {
      this.#applied[entry.index] = { term: entry.term, count, operation }
      if (operation !== undefined) this.#operations.push(operation)
      return
    }
    mustHold(
      known.term === entry.term && known.operation === operation && known.count === count,
      'P5: all servers apply the same entries',
      () =>
        `${name}: entry ${entry.index} is ${entry.term} ${operation ?? 0} (${count}), elsewhere ${known.term} ${known.operation ?? 0} (${known.count})`
    )
  }

  /** P12: a snapshot holds what the entries up to it made. */
  restored(name: string, index: number, operations: readonly number[]): void {
    const count = this.#applied[index]?.count ?? 0
    const isEqual = operations.length === count && operations.every((one, at) => one === this.#operations[at])
    mustHold(
      isEqual,
      'P12: a snapshot is the state at its index',
      () => `${name} restores ${operations.length} operations at ${index}, not ${count}`
    )
  }

  /** P10: what was acknowledged is in a final state. */
  checkFinal(name: string, operations: readonly number[]): void {
    const have = new Set(operations)
    for (const operation of this.acknowledged) {
      mustHold(
        have.has(operation),
        'P10: nothing acknowledged is missing',
        () => `${name} lacks operation ${operation}`
      )
    }
    mustHold(
      operations.length === this.#operations.length && operations.every((one, at) => one === this.#operations[at]),
      'P11: the final state follows from the committed operations, in order',
      () => `${name}: ${operations.length} operations, not ${this.#operations.length}`
    )
  }

  #leads(name: string, term: number): void {
    const known = this.#leaders.get(term)
    mustHold(
      known === undefined || known === name,
      'P1: at most one leader a term',
      () => `${name} and ${known ?? ''} lead in term ${term}`
    )
    if (known !== undefined) return
    this.#leaders.set(term, name)
    const witness = this.#witnesses.get(name)
    if (witness === undefined) return
    const { record, snapshotIndex } = witness
    for (let index = Math.max(record.first, snapshotIndex + 1); index <= this.#lastCommitted; index++) {
      const committed = this.#committed[index]
      mustHold(
        committed === undefined || record.termAt(index) === committed,
        'P4: a leader has every committed entry',
        () =>
          `${name} leads in term ${term} with ${index}/${record.termAt(index) ?? 0}, and ${index}/${committed ?? 0} is committed`
      )
    }
  }

  #isLeading(name: string): boolean {
    return this.#witnesses.get(name)?.state?.role === 'leader'
  }

  /** P6: a majority has it on its disks; for a leader also: the last entry is of its own term. */
  #commit(name: string, state: RaftState, before: Configuration): void {
    const { commitIndex, term, role } = state
    const witness = this.#witnesses.get(name)
    mustHold(
      this.#isDurable(state, commitIndex) || this.#isDurable({ ...state, configuration: before }, commitIndex),
      'P6: what is committed is on the disks of a majority',
      () =>
        `${name} commits ${commitIndex} of term ${term} with the servers ${namesOf(state.configuration)}: ${this.#disksAt(commitIndex)}`
    )
    const last = this.#termOf(state, commitIndex)
    mustHold(
      role !== 'leader' || last === undefined || last === term,
      'P6: only an entry of the own term commits by counting',
      () => `${name} commits ${commitIndex}/${last ?? 0} in term ${term}`
    )
    for (let index = commitIndex; index > this.#lastCommitted; index--) {
      const one = witness?.record.termAt(index) ?? this.#termOf(state, index)
      const known = this.#committed[index]
      mustHold(
        known === undefined || known === one,
        'P6: what is committed stays',
        () => `${index}/${one ?? 0}, was ${known ?? 0}`
      )
      this.#committed[index] = one
    }
    this.#lastCommitted = commitIndex
  }

  /** The term of an entry by the disks of the servers that have it: the majority that it was counted on. */
  #termOf({ configuration }: RaftState, index: number): number | undefined {
    const counts = new Map<number, number>()
    for (const { id, suffrage } of configuration.servers) {
      const term = this.#witnesses.get(id)?.record.termAt(index)
      if (suffrage === 0 && term !== undefined) counts.set(term, (counts.get(term) ?? 0) + 1)
    }
    for (const [term, count] of counts) if (count >= quorumOf(configuration)) return term
    return undefined
  }

  #isDurable({ configuration }: RaftState, index: number): boolean {
    const counts = new Map<number, number>()
    let covered = 0
    for (const { id, suffrage } of configuration.servers) {
      const witness = this.#witnesses.get(id)
      if (suffrage !== 0 || witness === undefined) continue
      const term = witness.record.termAt(index)
      if (term !== undefined) counts.set(term, (counts.get(term) ?? 0) + 1)
      else if (witness.snapshotIndex >= index) covered++
    }
    return Math.max(0, ...counts.values()) + covered >= quorumOf(configuration)
  }

  #disksAt(index: number): string {
    return [...this.#witnesses.values()]
      .map(
        ({ name, record, snapshotIndex }) =>
          `${name} ${record.termAt(index) ?? (snapshotIndex >= index ? 'covered' : '-')}`
      )
      .join(', ')
  }

  /** P13: one server at a time, and the change before is committed. */
  #checkConfiguration(name: string, { term, configuration, isConfigurationCommitted }: RaftState): void {
    const key = `${name} ${term}`
    const former = this.#configurations.get(key)
    this.#configurations.set(key, configuration)
    if (former === undefined || former === configuration) return
    const before = new Set(votersOf(former))
    const after = new Set(votersOf(configuration))
    const differing = before.symmetricDifference(after).size
    mustHold(
      differing <= 1 || isConfigurationCommitted,
      'P13: the servers change one at a time',
      () => `${name}: ${namesOf(former)} to ${namesOf(configuration)}`
    )
  }

  #granted(voter: string, term: number, candidate: string): void {
    const key = `${voter} ${term}`
    const known = this.#votes.get(key)
    mustHold(
      known === undefined || known === candidate,
      'P7: one vote a term',
      () => `${voter} votes for ${candidate} and ${known ?? ''} in term ${term}`
    )
    this.#votes.set(key, candidate)
  }

  /** Entries that are told to be taken are on the disk. */
  #taken(name: string, request: Extract<Request, { readonly type: 'append' }>): void {
    const witness = this.#witnesses.get(name)
    const last = request.entries?.at(-1)
    if (witness === undefined || last === undefined) return
    const term = witness.record.termAt(last.index)
    mustHold(
      term === last.term ||
        // what a newer leader put in its place may have been synced together with it
        (witness.record.terms.at(-1) ?? 0) > last.term ||
        (term === undefined && witness.snapshotIndex >= last.index) ||
        witness.record.first > last.index,
      'P6: what is acknowledged is on the disk',
      () => `${name} took ${last.index}/${last.term}, its disk has ${term ?? 0}`
    )
  }
}

function votersOf({ servers }: Configuration): string[] {
  return servers.filter(({ suffrage }) => suffrage === 0).map(({ id }) => id)
}

function namesOf(configuration: Configuration): string {
  return votersOf(configuration).join('')
}
