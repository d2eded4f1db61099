import type { GlobalPinInfo } from '@cluster/api'
import { globalPinInfoToJSON } from '@cluster/wire'
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from './failure.ts'
import { formatStatus } from './format-status.ts'
import type { Output } from './output.ts'

const INTERVAL_MS = 1000
/** So many pins are compared with what they were; more do not fit into the memory of a small machine. */
const MOST_PINS = 100_000
const CLEAR_SCREEN = '\u001b[H\u001b[2J'
const DEFAULT_ROWS = 24

/**
 * Shows statuses again and again until Ctrl-C: on a terminal the first that fit on it, else those that have changed.
 *
 * @param ask - asks for the statuses
 */
export async function watch(
  ask: (signal: AbortSignal) => AsyncIterable<GlobalPinInfo>,
  output: Output,
  intervalMs: number = INTERVAL_MS
): Promise<void> {
  const end = new AbortController()
  const onInterrupt = (): void => {
    end.abort()
  }
  process.once('SIGINT', onInterrupt)
  const isScreen = process.stdout.isTTY && output.encoding === 'text'
  let seen: ReadonlyMap<string, string> = new Map()
  try {
    for (;;) {
      if (isScreen) await redraw(ask(end.signal), output)
      else seen = await showChanges(ask(end.signal), output, seen)
      await pause(intervalMs, undefined, { signal: end.signal })
    }
  } catch (error) {
    if (!end.signal.aborted) throw error
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

async function redraw(infos: AsyncIterable<GlobalPinInfo>, output: Output): Promise<void> {
  // One line for how many more there are, one for the cursor.
  const rows = ((process.stdout.rows as number | undefined) ?? DEFAULT_ROWS) - 2
  const lines: string[] = []
  let shown = 0
  let count = 0
  for await (const info of infos) {
    count++
    const block = formatStatus(info, output.paint).trimEnd().split('\n')
    if (shown < count - 1 || lines.length + block.length > rows) continue
    shown++
    lines.push(...block)
  }
  if (count > shown) lines.push(`and ${(count - shown).toString()} more`)
  output.write(`${CLEAR_SCREEN}${lines.map((line) => `${line}\n`).join('')}`)
}

async function showChanges(
  infos: AsyncIterable<GlobalPinInfo>,
  output: Output,
  before: ReadonlyMap<string, string>
): Promise<ReadonlyMap<string, string>> {
  const now = new Map<string, string>()
  const changed = async function* (): AsyncGenerator<GlobalPinInfo, void> {
    for await (const info of infos) {
      const cid = info.cid.toString()
      const state = stateOf(info)
      if (before.get(cid) !== state) yield info
      now.set(cid, state)
      if (now.size > MOST_PINS) {
        throw new Failure('watching', `more than ${MOST_PINS.toString()} pins: name CIDs or use --filter`)
      }
    }
  }
  await output.printEach(changed(), (info) => formatStatus(info, output.paint), globalPinInfoToJSON)
  return now
}

/** What counts as a change: not the times, which are new in each answer. */
function stateOf({ peerMap }: GlobalPinInfo): string {
  return [...(peerMap ?? [])]
    .map(
      ([peer, { status, error, attemptCount }]) => `${peer} ${status.toString()} ${attemptCount.toString()} ${error}`
    )
    .sort()
    .join('\n')
}
