import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { announceFilter, withoutPeer } from './announce.ts'
import { checkListening } from './check-listening.ts'
import { type NodeServices, startNode } from './create-node.ts'
import { gossipOf } from './gossip.ts'
import { Host } from './host.ts'
import { checkOptions, defaultWaterMarks, type HostOptions } from './host-options.ts'
import { systemResolveTxt } from './resolve-dnsaddr.ts'
import { TrafficMeter } from './traffic.ts'
import type { ListenReport } from './transports.ts'

/**
 * Makes the libp2p node of a cluster peer and starts it: when this resolves it listens and gossips. It connects to
 * nobody by itself; see {@link Host.importAddress} and {@link Host.bootstrap}.
 *
 * @throws HostError `bad_option`, `bad_secret`, `bad_address` (announce masks) and `listen_failed`
 * @see wire-host-rpc.md §1, TECHNOLOGY.md §7
 */
export async function createHost(options: HostOptions): Promise<Host> {
  checkOptions(options)
  const report: ListenReport = { listening: [], failed: [] }
  const nowMs = options.nowMs ?? Date.now
  const traffic = new TrafficMeter(nowMs)
  const libp2p = await startNode(options, report, traffic)
  const log = libp2p.logger.forComponent('cluster:host')
  try {
    checkListening(options.listen, report, log)
  } catch (error) {
    await libp2p.stop()
    throw error
  }
  const isMdnsOn = (options.mdnsIntervalMs ?? 0) > 0
  return new Host({
    libp2p,
    gossip: gossipOf(libp2p.services.pubsub),
    ...(isMdnsOn ? { mdnsAddresses: mdnsAddresses(libp2p, options.noAnnounce ?? []) } : {}),
    log,
    marks: options.connectionManager ?? defaultWaterMarks,
    peerstoreFile: options.peerstoreFile,
    secret: options.secret !== undefined,
    random: options.random ?? Math.random,
    nowMs,
    traffic,
    resolveTxt: options.resolveTxt ?? systemResolveTxt
  })
}

/** What mDNS tells others: the addresses listened on, not those announced or observed, less the hidden ones. */
function mdnsAddresses(libp2p: Libp2p<NodeServices>, noAnnounce: readonly Multiaddr[]): () => readonly Multiaddr[] {
  const filter = announceFilter([], noAnnounce)
  const self = `/p2p/${libp2p.peerId.toString()}`
  return () => filter(libp2p.services.transports.getAddrs().map((address) => withoutPeer(address).encapsulate(self)))
}
