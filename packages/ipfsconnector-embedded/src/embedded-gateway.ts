import { ClusterError, isClusterError, type Logger } from '@cluster/api'
import { createSurface, formatTarget, listen, type Listeners, type ListenTarget } from '@cluster/http'
import { createGateway, type GetBlock } from '@cluster/ipfs-node'
import type { Multiaddr } from '@multiformats/multiaddr'
import { fromEngine } from './to-cluster-error.ts'
import { listenTarget } from '@cluster/config'

/** What the gateway is opened with. */
export interface EmbeddedGatewayInit {
  /** None = no gateway. */
  readonly addresses: readonly Multiaddr[]
  readonly get: GetBlock
  readonly log: Logger
}

/**
 * The read-only gateway on its listeners.
 *
 * @throws {ClusterError} `BUSY` when an address is in use, `CONFIG_INVALID` when it cannot be listened on
 */
export async function openGateway({ addresses, get, log }: EmbeddedGatewayInit): Promise<Listeners | undefined> {
  const targets = addresses.map(listenTarget).filter((target): target is ListenTarget => target !== undefined)
  if (targets.length === 0) return undefined
  const gateway = createGateway({ get: (cid, options) => get(cid, options).catch(rename) })
  const onError = (error: Error): void => {
    log.error('the gateway failed', { error })
  }
  const listener = createSurface({
    handler: (request, { signal }) => gateway(new Request(request.url, { ...headOf(request), signal })),
    onError
  })
  try {
    const listeners = await listen({ targets, listener, onError })
    for (const target of listeners.targets) log.info(`gateway listens on http://${formatTarget(target)}/ipfs/`)
    return listeners
  } catch (error) {
    const { code, message } = fromEngine(error)
    throw new ClusterError(code, `ipfs_connector.embedded.gateway_listen_multiaddress: ${message}`, { cause: error })
  }
}

/** The gateway reads no bodies. */
function headOf({ method, headers }: Request): { method: string; headers: Headers } {
  return { method, headers }
}

/** The gateway tells errors apart by the names that block stores use. */
function rename(error: unknown): never {
  if (isClusterError(error, 'TIMEOUT')) throw new DOMException(error.message, 'TimeoutError')
  if (isClusterError(error, 'NOT_FOUND')) throw new DOMException(error.message, 'NotFoundError')
  throw error
}
