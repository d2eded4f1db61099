import { ipfsPinStatusFromString, MAX_PAGE_ITEMS, type IPFSPinInfo } from '@cluster/api'
import { parseCid, pinLine, readValue } from '../daemon/answers.ts'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/**
 * All pins of the given kinds, one kind after the other, as they come.
 *
 * @throws {ClusterError} `IPFS`, `TIMEOUT`
 * @see behaviours.md §5.4
 */
export async function* listPins(
  types: readonly ('recursive' | 'direct')[],
  calls: TimedCalls,
  options: TimedOptions
): AsyncGenerator<readonly IPFSPinInfo[]> {
  for (const type of types) {
    const call = `pin/ls?stream=true&type=${type}`
    for await (const lines of calls.lines(call, options)) {
      for (let at = 0; at < lines.length; at += MAX_PAGE_ITEMS) {
        yield lines.slice(at, at + MAX_PAGE_ITEMS).map((line) => {
          const { Cid: cid, Type: text } = readValue(call, line, pinLine)
          return { cid: parseCid(cid), type: ipfsPinStatusFromString(text) }
        })
      }
    }
  }
}
