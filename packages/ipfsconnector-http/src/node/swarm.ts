import type { Logger } from '@cluster/api'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { escapeQuery, parsePeer, swarmPeersAnswer } from '../daemon/answers.ts'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/** The peers that the daemon is connected with, as it lists them. */
export async function swarmPeers(calls: TimedCalls, options: TimedOptions): Promise<readonly PeerId[]> {
  const { Peers: peers } = await calls.json('swarm/peers', swarmPeersAnswer, options)
  return (peers ?? []).map(({ Peer: peer }) => parsePeer(peer))
}

/** Connects the daemon with addresses, one after the other; those that fail are left out. One limit for them all. */
export async function connectSwarms(
  to: readonly Multiaddr[],
  calls: TimedCalls,
  log: Logger,
  options: TimedOptions
): Promise<void> {
  await calls.together('swarm/connect', options, async (signal) => {
    for (const address of to) {
      const call = { signal, isLong: true, isOthersTime: true }
      await calls.client.text(`swarm/connect?arg=${escapeQuery(address.toString())}`, call).catch((error: unknown) => {
        signal.throwIfAborted()
        log.debug(`IPFS was not connected with ${address.toString()}`, { error })
      })
    }
  })
}
