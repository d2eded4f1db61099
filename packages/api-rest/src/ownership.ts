import { ClusterError, isClusterError, PinType, type Guarded, type Pin, type PinOptions } from '@cluster/api'
import { hasRight, mayChange, OWNER_KEY } from '@cluster/http'
import type { CID } from 'multiformats/cid'
import type { RestCall } from './call.ts'

/**
 * Where users, or tokens, do not allow everything: pins carry the name of their user, and only that user, or who may do
 * everything, changes or removes them.
 *
 * @see http-apis.md §9, wish 3
 */
export function guardOf({ env: { identity } }: RestCall): Guarded {
  if (identity === undefined || hasRight(identity, 'admin')) return {}
  return {
    guard: (existing) => {
      // Parts of sharded content belong to all whose content has them.
      const isPart = existing?.type === PinType.shard || existing?.type === PinType.clusterDag
      if (isPart || mayChange(identity, existing)) return
      throw new ClusterError('FORBIDDEN', `forbidden: ${identity.user} may only change pins of their own`)
    }
  }
}

/**
 * The options of a pin with the name of its user. Who may do everything can name another one, and takes no pin away
 * from its user by pinning it again.
 *
 * @param cid - of the pin, where it is known
 */
export async function ownedOptions<T extends PinOptions>(call: RestCall, options: T, cid?: CID): Promise<T> {
  const { identity } = call.env
  if (identity === undefined) return options
  const isAdmin = hasRight(identity, 'admin')
  if (isAdmin && !call.hasOwners) return options
  const named = isAdmin
    ? (options.metadata?.get(OWNER_KEY) ?? (cid === undefined ? undefined : await ownerOf(call, cid)))
    : undefined
  return { ...options, metadata: new Map([...(options.metadata ?? []), [OWNER_KEY, named ?? identity.user]]) }
}

async function ownerOf({ cluster, signal }: RestCall, cid: CID): Promise<string | undefined> {
  const pin = await cluster.pins.get(cid, { signal }).catch((error: unknown): Pin | undefined => {
    if (isClusterError(error, 'NOT_IN_PINSET')) return undefined
    throw error
  })
  return pin?.metadata?.get(OWNER_KEY)
}
