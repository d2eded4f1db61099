import { ClusterError, type ComponentContext } from '@cluster/api'
import { createPlainNode, HostError } from '@cluster/host'
import { ownIdentity, serveOnHost, serveStreams, type ServerInit } from '@cluster/http'
import type { AbortOptions } from '@libp2p/interface'
import type { PinsvcConfig } from './config.ts'

/** The service over HTTP on a libp2p host of its own. */
export interface OwnHostListener {
  /** Takes streams, and says so in the log. */
  start(): Promise<void>
  stop(options: AbortOptions): Promise<void>
}

/**
 * Opens the libp2p host of the service, where one is configured. It has no secret: everybody can reach it.
 *
 * @throws {ClusterError} `CONFIG_INVALID` when it cannot listen
 * @see http-apis.md §1.5
 */
export async function openOwnHost(
  { libp2pLogger, log }: ComponentContext<'api'>,
  { libp2pListenMultiaddress: listen, id, privateKey: text }: PinsvcConfig,
  init: ServerInit
): Promise<OwnHostListener | undefined> {
  const privateKey = ownIdentity({ section: 'pinsvcapi', id, privateKey: text, listens: listen.length > 0 })
  if (privateKey === undefined) return undefined
  const host = await createPlainNode({ privateKey, listen, logger: libp2pLogger }).catch((error: unknown) => {
    if (!(error instanceof HostError)) throw error
    const advice = 'free it or change api.pinsvcapi.libp2p_listen_multiaddress'
    throw new ClusterError('CONFIG_INVALID', `Pinning Service API: ${error.message}: ${advice}`, { cause: error })
  })
  const streams = serveStreams(init)
  let leave: (() => Promise<void>) | undefined
  return {
    async start() {
      leave = await serveOnHost(host, streams)
      const addresses = host.getMultiaddrs().map((address) => `        ${address.toString()}`)
      log.info(['PINSVCAPI (libp2p-http): ENABLED. Listening on:', ...addresses, ''].join('\n'))
    },
    async stop(options) {
      await leave?.()
      await streams.stop(options)
      await host.stop()
    }
  }
}
