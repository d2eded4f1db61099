import type { WireEntry } from '../entry.ts'
import type { Reply, Request } from '../messages.ts'
import { isHeartbeat } from '../messages.ts'
import { configurationOf } from '../wire/configuration.ts'
import type { Outcome, Write } from './output.ts'

const NAMES = ['command', 'noop', 'add-peer', 'remove-peer', 'barrier', 'configuration']

/** An entry as `index/term what`. */
export function describeEntry(entry: WireEntry): string {
  const configuration = configurationOf(entry)
  const what =
    configuration !== undefined
      ? `servers ${configuration.servers.map(({ id, suffrage }) => (suffrage === 0 ? id : `${id}*`)).join('')}`
      : entry.type === 0
        ? JSON.stringify(new TextDecoder().decode(entry.data))
        : NAMES[entry.type]
  return `${entry.index}/${entry.term} ${what ?? '?'}`
}

function entriesText(entries: readonly WireEntry[] | undefined): string {
  return `[${(entries ?? []).map(describeEntry).join(', ')}]`
}

export function describeRequest(request: Request): string {
  switch (request.type) {
    case 'append':
      if (isHeartbeat(request)) return `heartbeat term ${request.term}`
      return (
        `append term ${request.term}, after ${request.previousIndex}/${request.previousTerm} ` +
        `${entriesText(request.entries)}, commit ${request.commitIndex}`
      )
    case 'vote':
      return `vote term ${request.term}, log ${request.lastIndex}/${request.lastTerm}${request.isTransfer ? ', transfer' : ''}`
    case 'pre-vote':
      return `pre-vote term ${request.term}, log ${request.lastIndex}/${request.lastTerm}`
    case 'snapshot':
      return `snapshot term ${request.term}, up to ${request.lastIndex}/${request.lastTerm}`
    case 'timeout-now':
      return 'timeout-now'
  }
}

export function describeReply({ error, body }: Reply): string {
  if (error !== '') return `error ${JSON.stringify(error)}`
  switch (body?.type) {
    case 'append': {
      const hint = body.success ? '' : `, last ${body.lastLog}${body.noRetryBackoff ? ', try again' : ''}`
      return `append ${body.success ? 'taken' : 'refused'}, term ${body.term}${hint}`
    }
    case 'vote':
    case 'pre-vote':
      return `${body.type} ${body.granted ? 'granted' : 'refused'}, term ${body.term}`
    case 'snapshot':
      return `snapshot ${body.success ? 'installed' : 'refused'}, term ${body.term}`
    case 'timeout-now':
      return body.type
    case undefined:
      return 'nothing'
  }
}

export function describeWrite(write: Write): string {
  const parts: string[] = []
  if (write.stable !== undefined) {
    const { term, voteTerm, vote } = write.stable
    parts.push(`term ${term}${voteTerm === term ? `, vote ${vote}` : ''}`)
  }
  if (write.truncateFrom !== undefined) parts.push(`drop from ${write.truncateFrom}`)
  if (write.reset !== undefined) parts.push(`drop all, next ${write.reset}`)
  if (write.entries !== undefined) parts.push(entriesText(write.entries))
  if (write.truncateHead !== undefined) parts.push(`forget up to ${write.truncateHead}`)
  return parts.length === 0 ? 'wait for the writes before' : parts.join(', ')
}

export function describeOutcome(outcome: Outcome): string {
  switch (outcome.type) {
    case 'appended':
      return `at ${outcome.first}${outcome.count > 1 ? ` to ${outcome.first + outcome.count - 1}` : ''}, not yet committed`
    case 'readable':
      return `readable when ${outcome.index} is applied`
    case 'transferred':
      return 'leadership has gone'
    case 'refused':
      return `refused: ${outcome.refusal.code}`
  }
}
