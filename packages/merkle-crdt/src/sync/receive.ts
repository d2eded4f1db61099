import type { CID } from 'multiformats/cid'
import { messageOf } from '../errors.ts'
import type { Broadcaster, Logger } from '../ports.ts'
import { decodeBroadcast } from '../wire/broadcast.ts'

/** Hands on the heads of all announcements until the signal is aborted. Never waits for what becomes of them. */
export async function receiveHeads(
  broadcaster: Broadcaster,
  announced: (cids: readonly CID[]) => void,
  log: Logger,
  signal: AbortSignal
): Promise<void> {
  try {
    for await (const data of broadcaster.messages({ signal })) {
      try {
        announced(decodeBroadcast(data))
      } catch (error) {
        log.warn(messageOf(error))
      }
    }
  } catch (error) {
    if (!signal.aborted) log.error(`no more announcements are received: ${messageOf(error)}`)
  }
}
