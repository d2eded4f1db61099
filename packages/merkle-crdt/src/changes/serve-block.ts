import { messageOf } from '../errors.ts'
import type { DagExchange, Logger } from '../ports.ts'
import type { Announcer } from '../sync/announcer.ts'
import { wait } from '../sync/deadline.ts'
import type { DeltaNode } from '../wire/node.ts'

/** What serving works with. */
export interface ServeParts {
  readonly exchange: DagExchange
  readonly announcer: Announcer
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * The block is on disk: other peers may have it now, and learn of it. Never rejects: the next rebroadcast makes good
 * what failed.
 *
 * @param isClosing - whether the store is being closed, which ends the wait
 */
export async function serveBlock(parts: ServeParts, node: DeltaNode, isClosing: () => boolean): Promise<void> {
  const { exchange, announcer, log, signal } = parts
  if (signal.aborted) return
  try {
    await wait(exchange.put([{ cid: node.cid, bytes: node.bytes }], { signal }), signal)
    await announcer.announce(node.cid, node.links)
  } catch (error) {
    if (!isClosing()) log.warn(`error broadcasting [${node.cid.toString()}]: ${messageOf(error)}`)
  }
}
