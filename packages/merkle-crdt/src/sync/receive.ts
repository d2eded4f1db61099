import type { CID } from 'multiformats/cid'
import { messageOf, reasonOf } from '../errors.ts'
import type { Broadcaster, Logger } from '../ports.ts'
import type { SyncWatch } from '../status/sync-watch.ts'
import { decodeBroadcast } from '../wire/broadcast.ts'

/** Hands on the heads of all announcements until the signal is aborted. Never waits for what becomes of them. */
export async function receiveHeads(
  broadcaster: Broadcaster,
  announced: (cids: readonly CID[], from: string | undefined) => void,
  rejected: SyncWatch['rejected'],
  log: Logger,
  signal: AbortSignal
): Promise<void> {
  try {
    for await (const message of broadcaster.messages({ signal })) {
      const { data, from } = message instanceof Uint8Array ? { data: message, from: undefined } : message
      try {
        const heads = decodeBroadcast(data, (cid) => {
          rejected('foreign-head', `the head ${cid.toString()} cannot be a block of the store`, cid, from)
        })
        announced(heads, from)
      } catch (error) {
        log.warn(messageOf(error))
        rejected(reasonOf(error) ?? 'bad-broadcast', messageOf(error), undefined, from)
      }
    }
  } catch (error) {
    if (!signal.aborted) log.error(`no more announcements are received: ${messageOf(error)}`)
  }
}
