import { ClusterError, ipfsPinStatusFromString, IPFSPinStatus, type PinDepth } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import { isSameContent, pinLine, readJson } from '../daemon/answers.ts'
import { saysNotPinned } from '../daemon/kubo-error.ts'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/**
 * How a CID is pinned: `recursive` or `direct` when that fulfils a pin of this depth, else `unpinned`, also for an
 * indirect pin. A direct pin is fulfilled by a recursive one as well.
 *
 * @throws {ClusterError} `IPFS`, also when the daemon answers about other content; `TIMEOUT`
 * @see behaviours.md §5.4
 */
export async function pinStatus(
  cid: CID,
  depth: PinDepth,
  calls: TimedCalls,
  options: TimedOptions
): Promise<IPFSPinStatus> {
  for (const type of depth === 0 ? ['direct', 'recursive'] : ['recursive']) {
    const call = `pin/ls?stream=true&arg=${cid.toString()}&type=${type}`
    try {
      const [line = ''] = (await calls.text(call, options)).split('\n')
      const { Cid: found, Type: kind } = readJson(call, line, pinLine)
      if (!isSameContent(found, cid)) throw new ClusterError('IPFS', `IPFS answered about ${found} (${call})`)
      return ipfsPinStatusFromString(kind)
    } catch (error) {
      if (!saysNotPinned(error)) throw error
    }
  }
  return IPFSPinStatus.unpinned
}

/** Whether what is pinned fulfils what is wanted. */
export function covers(status: IPFSPinStatus, depth: PinDepth): boolean {
  return status === IPFSPinStatus.recursive || (status === IPFSPinStatus.direct && depth === 0)
}
