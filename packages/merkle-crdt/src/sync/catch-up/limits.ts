import type { PrefetchLimits } from './prefetch.ts'

/** Limits of catching up, each with a default. */
export interface CatchUpLimits extends PrefetchLimits {
  /** Blocks of one walk that had to be fetched before the protocol is used: fewer come as fast by the exchange. */
  readonly minBlocks: number
  /** Servers asked at once. */
  readonly maxServers: number
  /** Time for each message of a server, and for one order of blocks as a whole. */
  readonly messageTimeoutMs: number
  readonly orderTimeoutMs: number
  /** How long the walk waits for a block that is on its way, before it asks the exchange too. */
  readonly waitMs: number
  /** A run ends when the walk takes nothing for so long. */
  readonly idleMs: number
  /** A server that failed or lied is not asked again for so long, and no run begins so soon after one in vain. */
  readonly penaltyMs: number
  readonly cooldownMs: number
  /** Blocks that a trusted peer must have merged before its snapshot is worth it. */
  readonly minSnapshotBlocks: number
  /** Bytes of a chunk of a snapshot that is sent, about: what a newcomer that is killed repeats, and both sides hold. */
  readonly snapshotChunkBytes: number
  /** How long an empty store waits, once, for word of what its peers speak. */
  readonly meetMs: number
  /** How long an interrupted snapshot waits for the peer that it came from. */
  readonly resumeTimeoutMs: number
}

const MiB = 1024 * 1024

/** 32 MiB are 90 000 blocks of one pin, or 32 of the largest batches. */
export const DEFAULT_CATCH_UP_LIMITS: CatchUpLimits = {
  maxBytes: 32 * MiB,
  maxBlocks: 32_768,
  minBlocks: 16,
  maxServers: 3,
  messageTimeoutMs: 10_000,
  orderTimeoutMs: 20_000,
  waitMs: 5000,
  idleMs: 15_000,
  penaltyMs: 600_000,
  cooldownMs: 10_000,
  minSnapshotBlocks: 2000,
  snapshotChunkBytes: MiB / 2,
  meetMs: 2000,
  resumeTimeoutMs: 60_000
}

/** Blocks and bytes of one order: small enough that a slow link of 32 KiB/s keeps the time limit. */
export const ORDER_BLOCKS = 512
export const ORDER_BYTES = 512 * 1024
/** Orders under way at one server: the second hides the round trip of the first. */
export const ORDERS_PER_SERVER = 2
