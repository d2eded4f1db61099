import { votersOf, type Configuration } from '../configuration.ts'
import { EntryType, type LogEntry } from '../entry.ts'
import { defaultTiming } from '../options.ts'
import type { TermRun } from '../ports.ts'
import { configurationOf, encodeConfiguration } from '../wire/configuration.ts'
import { sealEntry } from '../wire/entry.ts'
import { describeEntry, describeOutcome, describeReply, describeRequest, describeWrite } from './describe.fixture.ts'
import type { Input } from './input.ts'
import type { Answer, Call, Output, StableState, Write } from './output.ts'
import { RaftCore } from './raft-core.ts'
import type { Snapshot } from './snapshot.ts'

interface Message {
  readonly from: string
  readonly to: string
  readonly text: string
  readonly deliver: () => void
}

/** One server of a play: its disk, and its core while it runs. */
interface Actor {
  readonly name: string
  core: RaftCore | undefined
  stable: StableState
  /** The durable log, and the index of its first entry. */
  log: LogEntry[]
  firstIndex: number
  snapshot: Snapshot | undefined
  writes: Write[]
  applied: number
}

/**
 * Servers on a stage: commands move them, and everything they do is told in plain text. Nothing happens by itself:
 * messages wait until they are delivered or dropped, writes until the disk has done them.
 */
export class Play {
  readonly #actors = new Map<string, Actor>()
  readonly #isolated = new Set<string>()
  #nowMs = 0
  #messages: Message[] = []
  #requests = new Map<number, { readonly from: string; readonly call: Call; readonly to: string }>()
  #numbers = 0
  #lines: string[] = []
  #maxAppendEntries = defaultTiming.maxAppendEntries

  /** Does one command, and returns what was seen. */
  run(command: string): string {
    this.#lines = []
    const [verb = '', ...rest] = command.trim().split(/\s+/)
    this.#command(verb, rest)
    return this.#lines.join('\n')
  }

  #command(verb: string, rest: readonly string[]): void {
    const [first = '', second = ''] = rest
    switch (verb) {
      case 'servers':
        for (const name of rest) this.#add(name, votersOf(rest))
        break
      case 'batch':
        this.#maxAppendEntries = Number(first)
        break
      case 'empty':
        this.#add(first, undefined)
        break
      case 'log':
        this.#setLog(first, rest.slice(1).map(Number))
        break
      case 'pass':
        this.#pass(Number(first))
        break
      case 'timeout':
        this.#timeout(first)
        break
      case 'deliver':
        this.#deliver(this.#take(first))
        break
      case 'drop':
        for (const { from, to, text } of this.#take(first)) this.#tell(`${from} → ${to} ${text} — lost`)
        break
      case 'store':
        for (const name of first === '' ? this.#actors.keys() : [first])
          this.#store(this.#actor(name), Number(second || 1e9))
        break
      case 'settle':
        this.#settle()
        break
      case 'propose':
        this.#propose(first, rest.slice(1))
        break
      case 'add':
      case 'remove':
        this.#step(first, { type: 'change', id: this.#next(), change: { type: verb, id: second }, atMs: 0 })
        break
      case 'transfer':
        this.#step(first, { type: 'transfer', id: this.#next(), to: second === '' ? undefined : second })
        break
      case 'read':
        this.#step(first, { type: 'read', id: this.#next() })
        break
      case 'isolate':
        this.#isolated.add(first)
        break
      case 'crash':
        this.#crash(this.#actor(first))
        break
      case 'start':
        this.#start(this.#actor(first))
        break
      case 'snapshot':
        this.#snapshot(this.#actor(first), Number(second || 0))
        break
      case 'state':
        for (const name of first === '' ? this.#actors.keys() : [first]) this.#show(this.#actor(name))
        break
      default:
        throw new Error(`unknown command: ${verb}`)
    }
  }

  #tell = (line: string): unknown => this.#lines.push(line)

  #next = (): number => ++this.#numbers

  #actor(name: string): Actor {
    const actor = this.#actors.get(name)
    if (actor === undefined) throw new Error(`no server ${name}`)
    return actor
  }

  #add(name: string, configuration: Configuration | undefined): void {
    const data = configuration && encodeConfiguration(configuration)
    const first = {
      index: 1,
      term: 1,
      type: EntryType.configuration,
      data,
      extensions: undefined,
      appendedAt: undefined
    }
    const actor: Actor = {
      name,
      core: undefined,
      stable: { term: configuration === undefined ? 0 : 1, voteTerm: 0, vote: '' },
      log: configuration === undefined ? [] : [sealEntry(first)],
      firstIndex: 1,
      snapshot: undefined,
      writes: [],
      applied: 0
    }
    this.#actors.set(name, actor)
    this.#start(actor)
  }

  /** Gives a server commands of these terms, and starts it again. */
  #setLog(name: string, terms: readonly number[]): void {
    const actor = this.#actor(name)
    actor.core = undefined
    actor.log.length = 1
    for (const term of terms) {
      const index = actor.log.length + 1
      const data = new TextEncoder().encode(`${term}.${index}`)
      actor.log.push(sealEntry({ index, term, type: 0, data, extensions: undefined, appendedAt: undefined }))
    }
    actor.stable = { term: Math.max(1, ...terms), voteTerm: 0, vote: '' }
    this.#start(actor)
  }

  #start(actor: Actor): void {
    const { name, log, stable, snapshot } = actor
    const terms: TermRun[] = []
    for (const { index, term } of log) if (terms.at(-1)?.term !== term) terms.push({ from: index, term })
    const configurations = log.flatMap((entry) => {
      const configuration = configurationOf(entry)
      return configuration === undefined ? [] : [{ index: entry.index, configuration }]
    })
    const spreads: Record<string, number> = { A: 0, B: 0.3, C: 0.6, D: 0.8, E: 0.9 }
    actor.applied = snapshot?.index ?? 0
    actor.core = new RaftCore(
      {
        id: name,
        timing: { ...defaultTiming, maxAppendEntries: this.#maxAppendEntries },
        random: () => spreads[name] ?? 0.5
      },
      {
        stable,
        firstIndex: actor.firstIndex,
        lastIndex: actor.firstIndex + log.length - 1,
        terms,
        snapshot,
        configurations,
        appliedIndex: 0
      },
      this.#nowMs
    )
  }

  #crash(actor: Actor): void {
    actor.core = undefined
    if (actor.writes.length > 0) this.#tell(`${actor.name} loses ${actor.writes.length} writes`)
    actor.writes = []
    this.#messages = this.#messages.filter(({ from, to }) => from !== actor.name && to !== actor.name)
  }

  #step(name: string, input: Input): void {
    const actor = this.#actor(name)
    if (actor.core === undefined) return
    const before = actor.core.state
    const output = actor.core.step(input, this.#nowMs)
    this.#tellChanges(name, before, actor.core.state)
    this.#follow(actor, output)
  }

  #tellChanges(name: string, before: RaftCore['state'], after: RaftCore['state']): void {
    if (before.role !== after.role || before.term !== after.term)
      this.#tell(`${name} is ${after.role} of term ${after.term}`)
    if (before.leader !== after.leader)
      this.#tell(`${name} ${after.leader === undefined ? 'knows no leader' : `follows ${after.leader}`}`)
    if (before.commitIndex !== after.commitIndex) this.#tell(`${name} commits up to ${after.commitIndex}`)
  }

  #follow(actor: Actor, output: Output): void {
    const { name } = actor
    for (const write of output.writes) {
      this.#tell(`${name} writes ${describeWrite(write)}`)
      actor.writes.push(write)
    }
    for (const outcome of output.outcomes) this.#tell(`${name} says ${describeOutcome(outcome)}`)
    for (const fault of output.faults) this.#tell(`${name} ! ${fault}`)
    if (output.restore !== undefined) {
      this.#tell(`${name} restores its state as of ${output.restore.index}`)
      actor.snapshot = output.restore
      actor.applied = output.restore.index
    }
    this.#apply(actor)
    for (const call of output.calls) this.#call(name, call)
    for (const answer of output.answers) this.#answer(name, answer)
    for (const { id, keep, request } of output.receives) {
      if (!keep) continue
      const { lastIndex: index, lastTerm: term, configurationIndex, size } = request
      const configuration = configurationOf({
        index,
        term,
        type: EntryType.configuration,
        data: request.configuration,
        extensions: undefined,
        appendedAt: undefined
      })
      if (configuration === undefined) continue
      const snapshot = { id: `of-${index}`, index, term, configuration, configurationIndex, size }
      this.#tell(`${name} receives the snapshot up to ${index}`)
      this.#step(name, { type: 'snapshot-received', id, snapshot })
    }
    for (const { id, from, to } of output.loads) {
      const entries = actor.log.filter(({ index }) => index >= from && index <= to)
      this.#tell(`${name} reads ${from} to ${to}`)
      this.#step(name, { type: 'loaded', load: id, entries: entries.length === 0 ? undefined : entries })
    }
  }

  #apply(actor: Actor): void {
    const index = actor.core?.appliableIndex ?? 0
    const applied = actor.log.filter((entry) => entry.index > actor.applied && entry.index <= index)
    actor.applied = Math.max(index, actor.applied)
    if (applied.length === 0) return
    this.#tell(`${actor.name} applies ${applied.map(describeEntry).join(', ')}`)
  }

  #call(from: string, call: Call): void {
    const { to, request } = call
    const deliver = (): void => {
      if (this.#actor(to).core === undefined) {
        this.#step(from, { type: 'failed', call: call.id })
        return
      }
      const id = this.#next()
      this.#requests.set(id, { from, call, to })
      this.#step(to, { type: 'request', id, request })
    }
    this.#messages.push({ from, to, text: describeRequest(request), deliver })
  }

  #answer(from: string, { id, reply }: Answer): void {
    const asked = this.#requests.get(id)
    if (asked === undefined) return
    const deliver = (): void => {
      this.#step(asked.from, { type: 'reply', call: asked.call.id, reply })
    }
    this.#messages.push({ from, to: asked.from, text: describeReply(reply), deliver })
  }

  /** The messages of a link, `A>B`, `A>`, `>B`, or all. */
  #take(link: string): Message[] {
    const [from = '', to = ''] = link.split('>')
    const isMeant = (one: Message): boolean => (from === '' || one.from === from) && (to === '' || one.to === to)
    const taken = this.#messages.filter(isMeant)
    this.#messages = this.#messages.filter((one) => !isMeant(one))
    return taken
  }

  #deliver(messages: readonly Message[]): void {
    for (const { from, to, text, deliver } of messages) {
      if (this.#isolated.has(from) || this.#isolated.has(to)) {
        this.#tell(`${from} → ${to} ${text} — lost`)
        continue
      }
      this.#tell(`${from} → ${to} ${text}`)
      deliver()
    }
  }

  #store(actor: Actor, count: number): void {
    for (const write of actor.writes.splice(0, count)) {
      if (write.stable !== undefined) actor.stable = write.stable
      const { truncateFrom, truncateHead, reset, entries } = write
      if (truncateFrom !== undefined) actor.log.length = truncateFrom - actor.firstIndex
      if (reset !== undefined) {
        actor.log = []
        actor.firstIndex = reset
      }
      if (entries !== undefined) actor.log.push(...entries)
      if (truncateHead !== undefined) {
        actor.log = actor.log.filter(({ index }) => index > truncateHead)
        actor.firstIndex = truncateHead + 1
      }
      for (const call of write.then.calls) this.#call(actor.name, call)
      for (const answer of write.then.answers) this.#answer(actor.name, answer)
      this.#step(actor.name, { type: 'stored', write: write.number })
    }
  }

  /** Disks and network do everything there is to do, heartbeats aside. */
  #settle(): void {
    for (let round = 0; round < 100; round++) {
      const messages = this.#take('')
      const isQuiet = messages.length === 0 && [...this.#actors.values()].every(({ writes }) => writes.length === 0)
      if (isQuiet) return
      this.#deliver(messages)
      for (const actor of this.#actors.values()) this.#store(actor, 1e9)
      if (messages.length === 0) continue
      this.#nowMs += defaultTiming.commitNoticeMs
      for (const { name } of this.#actors.values()) this.#step(name, { type: 'tick' })
    }
    throw new Error('it never ends')
  }

  #pass(ms: number): void {
    this.#nowMs += ms
    for (const { name } of this.#actors.values()) this.#step(name, { type: 'tick' })
  }

  #timeout(name: string): void {
    this.#nowMs = Math.max(this.#nowMs, this.#actor(name).core?.wakeAtMs ?? 0)
    this.#step(name, { type: 'tick' })
  }

  #propose(name: string, commands: readonly string[]): void {
    const encoder = new TextEncoder()
    this.#step(name, {
      type: 'propose',
      id: this.#next(),
      commands: commands.map((one) => encoder.encode(one)),
      atMs: 0
    })
  }

  #snapshot(actor: Actor, trailing: number): void {
    const state = actor.core?.state
    const index = actor.applied
    const term = actor.log.find((entry) => entry.index === index)?.term ?? 0
    if (state === undefined) return
    const placed = actor.log.findLast((entry) => entry.index <= index && entry.type === EntryType.configuration)
    const configurationIndex = placed?.index ?? 1
    const snapshot = {
      id: `at-${index}`,
      index,
      term,
      configuration: state.configuration,
      configurationIndex,
      size: 10
    }
    actor.snapshot = snapshot
    this.#step(actor.name, { type: 'snapshot-taken', snapshot, trailing })
  }

  #show({ name, core, log, firstIndex, stable }: Actor): void {
    if (core === undefined) {
      this.#tell(`${name} is down; on disk: term ${stable.term}, log ${log.map(({ term }) => term).join(' ')}`)
      return
    }
    const { role, term, commitIndex, configuration } = core.state
    const servers = configuration.servers.map(({ id }) => id).join('')
    const terms = log.map((entry) => entry.term).join(' ')
    this.#tell(
      `${name} ${role}, term ${term}, servers ${servers}, commit ${commitIndex}, log from ${firstIndex}: ${terms}`
    )
  }
}
