import {
  ClusterError,
  PinMode,
  pinModeToString,
  PinType,
  pinTypeToString,
  type Pin,
  type PinOptions,
  type Timestamp
} from '@cluster/api'
import type { ClusterConfig } from './cluster-config.ts'

/** The replication factors that apply where a pin says 0. */
export type Factors = Pick<ClusterConfig, 'replicationFactorMin' | 'replicationFactorMax'>

/**
 * The options with the configured factors where they carry 0, checked.
 *
 * @throws {ClusterError} `BAD_PIN`
 * @see behaviours.md §1.14.2, step 5
 */
export function withFactors<T extends PinOptions>(options: T, defaults: Factors): T {
  const min = options.replicationFactorMin === 0 ? defaults.replicationFactorMin : options.replicationFactorMin
  const max = options.replicationFactorMax === 0 ? defaults.replicationFactorMax : options.replicationFactorMax
  const complaint =
    min === 0 || max === 0
      ? 'cluster.replication_factor_min and max must be set'
      : min > max
        ? 'cluster.replication_factor_min is larger than max'
        : min < -1
          ? 'cluster.replication_factor_min is wrong'
          : max < -1
            ? 'cluster.replication_factor_max is wrong'
            : (min === -1) !== (max === -1)
              ? 'cluster.replication_factor_min and max must be -1 when one of them is'
              : undefined
  if (complaint !== undefined) throw new ClusterError('BAD_PIN', complaint)
  return { ...options, replicationFactorMin: min, replicationFactorMax: max }
}

/**
 * Refuses a pin whose time is over already. An expiry at the Unix epoch counts as none.
 *
 * @throws {ClusterError} `BAD_PIN`
 */
export function checkExpiry({ expireAt }: PinOptions, now: Timestamp): void {
  if (expireAt === undefined || expireAt === 0n || expireAt > now) return
  throw new ClusterError('BAD_PIN', 'pin.ExpireAt set before current time')
}

/**
 * Refuses a pin that its predecessor does not allow.
 *
 * @throws {ClusterError} `BAD_PIN`
 * @see behaviours.md §1.14.2, step 8
 */
export function checkRepin(pin: Pin, existing: Pin): void {
  if (pin.type !== existing.type) {
    throw new ClusterError(
      'BAD_PIN',
      'cannot repin CID with different tracking method, clear state with pin rm to proceed. ' +
        `New: ${pinTypeToString(pin.type)}. Was: ${pinTypeToString(existing.type)}`
    )
  }
  if (existing.mode !== PinMode.direct && pin.mode === PinMode.direct) {
    const mode = pinModeToString(pin.mode)
    throw new ClusterError(
      'BAD_PIN',
      `cannot repin a CID which is already pinned in recursive mode (new pin is pinned as ${mode}). Unpin it first.`
    )
  }
}

/**
 * Refuses a pin that contradicts its own type.
 *
 * @throws {ClusterError} `BAD_PIN`
 * @see behaviours.md §1.14.2, step 9
 */
export function checkType(pin: Pin): void {
  const complaint = complaintOf(pin)
  if (complaint !== undefined) throw new ClusterError('BAD_PIN', complaint)
}

function complaintOf({ type, reference, maxDepth, allocations }: Pin): string | undefined {
  switch (type) {
    case PinType.data:
      return reference === undefined ? undefined : 'data pins should not reference other pins'
    case PinType.shard:
      return maxDepth === 1 ? undefined : 'must pin shards go depth 1'
    case PinType.clusterDag:
      if (maxDepth !== 0) return 'must pin roots directly'
      return reference === undefined ? 'clusterDAG pins should reference a Meta pin' : undefined
    case PinType.meta:
      if ((allocations ?? []).length > 0) return 'meta pin should not specify allocations'
      return reference === undefined ? 'metaPins should reference a ClusterDAG' : undefined
    default:
      return 'unrecognized pin type'
  }
}
