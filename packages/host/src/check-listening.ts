import type { Logger } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { HostError } from './host-error.ts'
import { listenReason, type ListenReport } from './transports.ts'

/** Whether at least one of the addresses works; those that fail are logged. @throws HostError `listen_failed` */
export function checkListening(wanted: readonly Multiaddr[], report: ListenReport, log: Logger): void {
  const used = new Set([...report.listening, ...report.failed.map(({ address }) => address)].map(String))
  const problems = [
    ...report.failed.map(({ address, error }) => `${address.toString()}: ${listenReason(error)}`),
    ...wanted.filter((address) => !used.has(address.toString())).map((a) => `${a.toString()}: no such transport`)
  ]
  if (wanted.length > 0 && report.listening.length === 0) {
    throw new HostError('listen_failed', `failed to listen on any addresses: ${problems.join('; ')}`)
  }
  // An address without transport is in every default configuration (…/udp/9096/quic): not worth more than a trace.
  for (const { address, error } of report.failed) log.error('listening failed: %a: %s', address, listenReason(error))
}
