import type { IPFSID, Logger } from '@cluster/api'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { idAnswer, parsePeer } from '../daemon/answers.ts'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/** Who the daemon is, and where it can be reached. An address that is none is left out with a warning. */
export async function identity(calls: TimedCalls, log: Logger, options: TimedOptions): Promise<IPFSID> {
  const { ID: id, Addresses: addresses } = await calls.json('id', idAnswer, options)
  const read = (text: string): Multiaddr[] => {
    try {
      return [multiaddr(text)]
    } catch (error) {
      log.warn(`IPFS has an address that is none: ${text}`, { error })
      return []
    }
  }
  return { id: parsePeer(id), addresses: (addresses ?? []).flatMap(read), error: '' }
}
