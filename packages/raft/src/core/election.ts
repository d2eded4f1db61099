import { quorumOf, type ServerId } from '../configuration.ts'
import type { PreVoteRequest, Request, Response, VoteRequest } from '../messages.ts'
import type { CoreState } from './state.ts'
import type { Call } from './output.ts'

/** A running round of an election: of pre-votes first, then of votes. */
export interface Election {
  readonly stage: 'pre-vote' | 'vote'
  readonly isTransfer: boolean
  readonly calls: Map<number, ServerId>
  readonly granted: Set<ServerId>
  /** The write with the own vote; 0 once it is durable. */
  ownVoteWrite: number
  deadlineMs: number
}

/** What follows from a message of a round. */
type ElectionResult = 'won' | 'goes-on' | { readonly higherTerm: number }

/**
 * Starts a round of pre-votes: asks whether votes would be given, and changes nothing durable.
 *
 * @see wire-raft.md §3.7
 */
export function askPreVotes(state: CoreState, deadlineMs: number): Election {
  const election = newElection('pre-vote', false, deadlineMs)
  election.granted.add(state.id)
  const request: PreVoteRequest = {
    type: 'pre-vote',
    header: state.header,
    term: state.term + 1,
    lastIndex: state.lastIndex,
    lastTerm: state.lastTerm
  }
  for (const call of callVoters(state, election, request)) state.say(call)
  return election
}

/** Starts a round of votes in a new term. The own vote and the term are durable before anybody is asked. */
export function askVotes(state: CoreState, isTransfer: boolean, deadlineMs: number): Election {
  const election = newElection('vote', isTransfer, deadlineMs)
  state.term += 1
  state.voteTerm = state.term
  state.vote = state.id
  const request: VoteRequest = {
    type: 'vote',
    header: state.header,
    term: state.term,
    candidate: state.id,
    lastIndex: state.lastIndex,
    lastTerm: state.lastTerm,
    isTransfer
  }
  election.ownVoteWrite = state.write({ stable: state.stable }, { calls: callVoters(state, election, request) })
  return election
}

/** Whether the round is won. */
export function isWon(state: CoreState, election: Election): boolean {
  const { servers } = state.servers.latest
  const votes = servers.filter(({ id, suffrage }) => suffrage === 0 && election.granted.has(id)).length
  return votes >= quorumOf(state.servers.latest)
}

/** An answer to a call of this round, or (undefined) that there is none. */
export function onVoteReply(
  state: CoreState,
  election: Election,
  from: ServerId,
  response: Response | undefined,
  error: string
): ElectionResult {
  // an old peer that does not know pre-votes says so and would vote
  if (election.stage === 'pre-vote' && error.includes('unexpected command')) election.granted.add(from)
  if (response === undefined || error !== '') return isWon(state, election) ? 'won' : 'goes-on'
  if (response.type !== 'vote' && response.type !== 'pre-vote') return 'goes-on'
  const asked = election.stage === 'pre-vote' ? state.term + 1 : state.term
  if (response.term > asked) return { higherTerm: response.term }
  if (response.granted) election.granted.add(from)
  return isWon(state, election) ? 'won' : 'goes-on'
}

function newElection(stage: Election['stage'], isTransfer: boolean, deadlineMs: number): Election {
  return { stage, isTransfer, calls: new Map(), granted: new Set(), ownVoteWrite: 0, deadlineMs }
}

function callVoters(state: CoreState, election: Election, request: Request): Call[] {
  const calls: Call[] = []
  for (const { id, suffrage } of state.servers.latest.servers) {
    if (suffrage !== 0 || id === state.id) continue
    const call = state.call(id, 'vote', state.nextEpoch(), request)
    election.calls.set(call.id, id)
    calls.push(call)
  }
  return calls
}
