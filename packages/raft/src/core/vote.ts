import type { PreVoteRequest, VoteRequest } from '../messages.ts'
import type { Answer } from './output.ts'
import type { CoreState } from './state.ts'

/** Whether somebody else is known to lead, or this peer does. */
function hasOtherLeader(state: CoreState, id: string): boolean {
  return state.leader !== undefined && state.leader !== id
}

/**
 * Whether a candidate is refused for not being among the servers. One whose log goes beyond the own one is not: it may
 * have been added by an entry that is missing here, and if it needs this vote, nobody else can bring that entry. A server
 * that was removed is not ahead of those that removed it. (The Go peer refuses, and such a cluster never elects.)
 */
function isRefused(state: CoreState, id: string, request: PreVoteRequest | VoteRequest, isAmong: boolean): boolean {
  if (id === '' || state.servers.latest.servers.length === 0 || isAmong) return false
  const { lastIndex, lastTerm } = request
  return lastTerm < state.lastTerm || (lastTerm === state.lastTerm && lastIndex <= state.lastIndex)
}

/** Whether the servers are known, and this one is not among them. */
function isStranger(state: CoreState, id: string, request: PreVoteRequest | VoteRequest): boolean {
  return isRefused(state, id, request, state.servers.isMember(id))
}

/** Whether the servers are known, and this one does not vote. */
function isNoVoter(state: CoreState, id: string, request: PreVoteRequest | VoteRequest): boolean {
  return isRefused(state, id, request, state.servers.isVoter(id))
}

/**
 * Answers a pre-vote: nothing changes.
 *
 * @see wire-raft.md §3.7
 */
export function onPreVote(state: CoreState, id: number, request: PreVoteRequest): void {
  const candidate = request.header.id
  const reply = (granted: boolean, term: number): void => {
    state.answer({ id, reply: { error: '', body: { type: 'pre-vote', header: state.header, term, granted } } })
  }
  if (isStranger(state, candidate, request) || hasOtherLeader(state, candidate) || request.term < state.term) {
    reply(false, state.term)
    return
  }
  const granted = !isNoVoter(state, candidate, request) && state.isUpToDate(request.lastIndex, request.lastTerm)
  reply(granted, Math.max(request.term, state.term))
}

/**
 * Answers a vote: at most one candidate a term gets it, and it is durable before the answer goes.
 *
 * @param stepDown - become a follower of this newer term
 * @see wire-raft.md §3.7
 */
export function onVote(state: CoreState, id: number, request: VoteRequest, stepDown: (term: number) => void): void {
  const sender = request.header.id
  const candidate = request.header.address === '' ? request.candidate : request.header.address
  const reply = (granted: boolean): Answer => ({
    id,
    reply: { error: '', body: { type: 'vote', header: state.header, term: state.term, peers: undefined, granted } }
  })
  const isVetoed = !request.isTransfer && hasOtherLeader(state, candidate)
  if (isStranger(state, sender, request) || isVetoed || request.term < state.term) {
    state.answer(reply(false))
    return
  }
  const isNewer = request.term > state.term
  if (isNewer) stepDown(request.term)
  if (isNoVoter(state, sender, request)) {
    state.answer(reply(false))
    return
  }
  if (state.voteTerm === request.term) {
    state.answer(reply(state.vote === candidate))
    return
  }
  if (!state.isUpToDate(request.lastIndex, request.lastTerm)) {
    state.answer(reply(false))
    return
  }
  state.voteTerm = request.term
  state.vote = candidate
  state.contactMs = state.nowMs
  state.write({ stable: state.stable }, { answers: [reply(true)] })
}
