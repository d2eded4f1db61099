import type { Plant } from '@cluster/testing'

const SOURCE = '/raft/src'

/** Faults that the simulation must find: each is one line of the engine, changed as it is loaded. */
export const plants: Readonly<Record<string, Plant>> = {
  'forgotten-vote': {
    about: 'a vote is given before it is on the disk',
    file: `${SOURCE}/core/vote.ts`,
    find: 'state.write({ stable: state.stable }, { answers: [reply(true)] })',
    replace: 'state.effects.answers.push(reply(true))'
  },
  'counted-commit': {
    about: 'entries of an older term are committed by counting',
    file: `${SOURCE}/core/leadership.ts`,
    find: 'if (index < firstIndex) return state.commitIndex',
    replace: 'if (firstIndex < 0) return state.commitIndex'
  },
  'committed-truncation': {
    about: 'a follower drops whatever it has beyond the entries of a request, without a look at the terms',
    file: `${SOURCE}/core/follow.ts`,
    find: 'if (log.termAt(entry.index) === entry.term) continue',
    replace: ''
  },
  'stale-membership': {
    about: 'majorities are counted over the last committed configuration instead of the latest',
    file: `${SOURCE}/core/leadership.ts`,
    find: 'const matches: number[] = []\n  for (const { id, suffrage } of state.servers.latest.servers) {',
    replace:
      'const matches: number[] = []; const known = state.servers.committed.configuration.servers;' +
      'for (const { id, suffrage } of known.length > 0 ? known : state.servers.latest.servers) {'
  },
  'early-ack': {
    about: 'entries are acknowledged before they are synced to the disk',
    file: `${SOURCE}/log/segment-log.ts`,
    find: 'await tail.file.sync()\n      tail.end',
    replace: 'tail.end'
  }
}
