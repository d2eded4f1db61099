import { TrackerStatus } from '@cluster/api'

/** Gives the text of a status its colour. */
export type Paint = (text: string, status: TrackerStatus) => string

const RESET = '\u001b[0m'
const GREEN = '\u001b[32m'
const RED = '\u001b[31m'
const YELLOW = '\u001b[33m'
const DIM = '\u001b[2m'

const colours: ReadonlyMap<TrackerStatus, string> = new Map([
  [TrackerStatus.pinned, GREEN],
  [TrackerStatus.sharded, GREEN],
  [TrackerStatus.clusterError, RED],
  [TrackerStatus.pinError, RED],
  [TrackerStatus.unpinError, RED],
  [TrackerStatus.unexpectedlyUnpinned, RED],
  [TrackerStatus.pinning, YELLOW],
  [TrackerStatus.unpinning, YELLOW],
  [TrackerStatus.pinQueued, YELLOW],
  [TrackerStatus.unpinQueued, YELLOW],
  [TrackerStatus.remote, DIM],
  [TrackerStatus.unpinned, DIM]
])

/** Leaves text as it is. */
export const noPaint: Paint = (text) => text

/**
 * Colours on a terminal, unless `NO_COLOR` is set or the terminal has none.
 *
 * @see https://no-color.org
 */
export function paintFor(isTerminal: boolean, env: NodeJS.ProcessEnv): Paint {
  if (!isTerminal || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return noPaint
  return (text, status) => {
    const colour = colours.get(status)
    return colour === undefined ? text : `${colour}${text}${RESET}`
  }
}
