import type { LogEntry, WireEntry } from '../entry.ts'
import { MAX_ENTRY_TYPE } from '../entry.ts'
import type { Configuration } from '../configuration.ts'
import type { AppendRequest } from '../messages.ts'
import type { Answer } from './output.ts'
import { configurationOf } from '../wire/configuration.ts'
import { sealEntry } from '../wire/entry.ts'
import type { CoreState } from './state.ts'

/** Entries of a request that are not in the log, and from where the log must be dropped for them. */
interface News {
  readonly entries: readonly LogEntry[]
  readonly configurations: readonly { readonly index: number; readonly configuration: Configuration }[]
  readonly truncateFrom: number | undefined
}

/**
 * Takes in the entries of a request whose term and leader were looked at already.
 *
 * @returns why the peer must stop, if the request cannot be while all follow the rules
 * @see wire-raft.md §3.8, T1 to T4
 */
export function onEntries(state: CoreState, id: number, request: AppendRequest): string | undefined {
  const { log } = state
  const lastLog = state.lastIndex
  const answer = (success: boolean, noRetryBackoff = false): Answer => ({
    id,
    reply: {
      error: '',
      body: { type: 'append', header: state.header, term: state.term, lastLog, success, noRetryBackoff }
    }
  })
  if (!matches(state, request.previousIndex, request.previousTerm)) {
    state.answer(answer(false, true))
    return undefined
  }
  const entries = request.entries ?? []
  const wrong = faultOf(request, entries)
  if (wrong !== undefined) {
    state.fault(`entries refused: ${wrong}`)
    state.answer({ id, reply: { error: wrong, body: answer(false).reply.body } })
    return undefined
  }
  const news = newsOf(state, entries)
  if (typeof news === 'string') {
    state.fault(`entries refused: ${news}`)
    state.answer({ id, reply: { error: news, body: answer(false).reply.body } })
    return undefined
  }
  if (news.truncateFrom !== undefined && news.truncateFrom <= state.commitIndex) {
    return `entry ${news.truncateFrom} is committed (up to ${state.commitIndex}), and ${state.leader ?? ''} has another`
  }
  if (news.entries.length > 0 && !state.hasRoom) {
    state.answer(answer(false))
    return undefined
  }
  const match = request.previousIndex + entries.length
  if (news.entries.length > 0) {
    if (news.truncateFrom !== undefined) {
      log.truncateFrom(news.truncateFrom)
      state.servers.truncateFrom(news.truncateFrom)
    }
    log.append(news.entries)
    for (const { index, configuration } of news.configurations) state.servers.append(index, configuration)
    const { truncateFrom } = news
    const draft = { entries: news.entries, ...(truncateFrom !== undefined && { truncateFrom }) }
    state.write(draft, { answers: [answer(true)] })
  } else {
    state.answer(answer(true), Math.min(match, log.lastIndex))
  }
  // a heartbeat says nothing about the log
  if (match > 0) state.hasHeardLeader = true
  // what comes after `match` in the own log may not be in the leader's
  const commitIndex = Math.min(request.commitIndex, match)
  if (commitIndex > state.commitIndex) {
    state.commitIndex = commitIndex
    state.servers.commit(commitIndex)
  }
  return undefined
}

/** Whether the entry is in the own log; what a snapshot covers is committed, so it is. */
function matches(state: CoreState, index: number, term: number): boolean {
  if (index === 0) return true
  if (state.snapshot !== undefined && index < state.snapshot.index) return true
  const own = state.termAt(index)
  // what was compacted is committed
  if (own === undefined) return index <= state.commitIndex && index < state.log.firstIndex
  return own === term
}

/** What is wrong with the entries themselves; they are from another machine. */
function faultOf(request: AppendRequest, entries: readonly WireEntry[]): string | undefined {
  let index = request.previousIndex
  let term = request.previousTerm
  for (const entry of entries) {
    index += 1
    if (entry.index !== index) return `entry ${entry.index} stands where ${index} should`
    if (entry.term < term || entry.term > request.term || entry.term === 0)
      return `entry ${index} has the term ${entry.term}`
    if (entry.type > MAX_ENTRY_TYPE) return `entry ${index} has the unknown type ${entry.type}`
    term = entry.term
  }
  return undefined
}

function newsOf(state: CoreState, entries: readonly WireEntry[]): News | string {
  const { log } = state
  const covered = Math.max(state.snapshot?.index ?? 0, log.firstIndex - 1)
  let at = 0
  let truncateFrom: number | undefined
  for (; at < entries.length; at++) {
    const entry = entries[at]
    if (entry === undefined || entry.index > log.lastIndex) break
    if (entry.index <= covered) continue
    if (log.termAt(entry.index) === entry.term) continue
    truncateFrom = entry.index
    break
  }
  // a snapshot may be ahead of the log, which then is empty and goes on behind it
  while (at < entries.length && (entries[at]?.index ?? 0) <= covered) at++
  const sealed: LogEntry[] = []
  const configurations: { index: number; configuration: Configuration }[] = []
  for (const entry of at === 0 ? entries : entries.slice(at)) {
    let configuration: Configuration | undefined
    try {
      configuration = configurationOf(entry)
    } catch (error) {
      return `the configuration in entry ${entry.index} cannot be read: ${String(error)}`
    }
    if (configuration !== undefined) configurations.push({ index: entry.index, configuration })
    sealed.push(sealEntry(entry))
  }
  return { entries: sealed, configurations, truncateFrom }
}
