import { ClusterError, type ComponentContext } from '@cluster/api'
import { createPlainNode, HostError } from '@cluster/host'
import { ownIdentity, serveOnHost, serveStreams, type ServerInit, type StreamServer } from '@cluster/http'
import type { AbortOptions, Libp2p } from '@libp2p/interface'
import type { RestApiConfig } from './config.ts'

/** Where HTTP over libp2p is served. */
export interface Libp2pListener {
  /** Takes streams, and says so in the log. */
  start(): Promise<void>
  stop(options: AbortOptions): Promise<void>
}

/**
 * HTTP over libp2p: on a host of its own where one is configured, else on the cluster's host, where holding the secret
 * means to be trusted; `undefined` where there is neither. The own host has no secret: everybody can reach it, so users
 * and passwords belong to it.
 *
 * @throws {ClusterError} `CONFIG_INVALID` when the own host cannot listen
 * @see http-apis.md §1.5
 */
export async function openLibp2p(
  context: ComponentContext<'api'>,
  config: RestApiConfig,
  init: ServerInit
): Promise<Libp2pListener | undefined> {
  const own = await ownHost(context, config)
  const host = own ?? context.httpHost
  if (host === undefined) return undefined
  const streams: StreamServer = serveStreams(init)
  let leave: (() => Promise<void>) | undefined
  return {
    async start() {
      leave = await serveOnHost(host, streams)
      const addresses = host.getMultiaddrs().map((address) => `        ${address.toString()}`)
      context.log.info(['RESTAPI (libp2p-http): ENABLED. Listening on:', ...addresses, ''].join('\n'))
    },
    async stop(options) {
      await leave?.()
      await streams.stop(options)
      await own?.stop()
    }
  }
}

async function ownHost(
  { libp2pLogger }: ComponentContext<'api'>,
  { libp2pListenMultiaddress: listen, id, privateKey: text }: RestApiConfig
): Promise<Libp2p | undefined> {
  const privateKey = ownIdentity({ section: 'restapi', id, privateKey: text, listens: listen.length > 0 })
  if (privateKey === undefined) return undefined
  try {
    return await createPlainNode({ privateKey, listen, logger: libp2pLogger })
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    const advice = 'free it or change api.restapi.libp2p_listen_multiaddress'
    throw new ClusterError('CONFIG_INVALID', `REST API: ${error.message}: ${advice}`, { cause: error })
  }
}
