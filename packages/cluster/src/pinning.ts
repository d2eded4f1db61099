import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  ClusterError,
  isPinEverywhere,
  limitCounter,
  pinOf,
  PinType,
  timestampFromMs,
  type Guarded,
  type Pin,
  type PinPath,
  type Pins,
  type PinsetOperation
} from '@cluster/api'
import type { Allocation } from './allocation.ts'
import { checkExpiry, checkRepin, checkType, withFactors } from './check-pin.ts'
import { createCidQueue } from './cid-queue.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { pinned } from './meta-pin.ts'
import type { Roles } from './roles.ts'
import { unpinsOf } from './unpinning.ts'

/** Shards that leave the pinset in one commit. The root goes last, so that what failed can be tried again. */
const UNPINS_AT_ONCE = 256

/** Writes the pinset. */
export interface Pinning extends Pins {
  /**
   * Pins content that was just added. The peers that got its blocks become its holders, unless the pinset has it with
   * enough holders that are there: these stay.
   */
  pinAdded(pin: Pin, options: AbortOptions & Guarded): Promise<Pin>
  /** Gives a pin other holders instead of one that is lost. */
  repinWithout(lost: PeerId, pin: Pin, options: AbortOptions): Promise<Pin>
  /**
   * Gives a pin other holders, whatever the allocator thinks of them. Answers `false` when the pin has changed since it
   * was read, or is gone.
   */
  reallocate(pin: Pin, allocations: readonly PeerId[], options: AbortOptions): Promise<boolean>
  /** Takes a pin out of the pinset whatever its type: parts of an add that failed, and pins whose time is over. */
  remove(cid: CID, options: AbortOptions): Promise<void>
}

/** What is known of the holders before they are chosen. */
interface Holders {
  readonly excluded?: readonly PeerId[]
  readonly preferred?: readonly PeerId[]
}

type Needs = Pick<CoreCollaborators, 'consensus' | 'ipfs' | 'clock' | 'log' | 'metrics'>
type Limits = Pick<ClusterConfig, 'replicationFactorMin' | 'replicationFactorMax'>

/**
 * @see behaviours.md §1.14 to §1.16
 */
export function createPinning(core: Needs, roles: Roles, allocation: Allocation, config: Limits): Pinning {
  const { consensus, ipfs, clock, log, metrics } = core
  const limitReached = limitCounter(metrics)
  const queue = createCidQueue(({ message }) => {
    limitReached('operations_per_cid')
    log.warn(message)
  })
  const now = (): bigint => timestampFromMs(clock.nowMs())

  const submit = async (ops: readonly PinsetOperation[], options: AbortOptions): Promise<void> => {
    for (const error of await consensus.commit(ops, options)) if (error !== undefined) throw error
  }

  const update = async (from: CID, pin: Pin, options: AbortOptions & Guarded): Promise<Pin> => {
    const source = await pinned(core, from, options)
    if (source.type !== PinType.data) throw new ClusterError('BAD_PIN', 'this pin type cannot be updated')
    const target = await consensus.pinset.get(pin.cid, options)
    for (const known of [source, target]) options.guard?.(known)
    if (target !== undefined && target.type !== source.type) checkRepin(source, target)
    const isLater = pin.expireAt !== undefined && pin.expireAt > now()
    const updated: Pin = {
      ...source,
      cid: pin.cid,
      pinUpdate: from,
      timestamp: now(),
      name: pin.name === '' ? source.name : pin.name,
      expireAt: isLater ? pin.expireAt : source.expireAt
    }
    await submit([{ type: 'pin', pin: updated }], options)
    return updated
  }

  const pinNow = async (
    asked: Pin,
    { excluded, preferred }: Holders,
    options: AbortOptions & Guarded
  ): Promise<Pin> => {
    // Whoever replaces a lost holder means this pin, also if it once followed up another.
    if (excluded === undefined && asked.pinUpdate?.equals(asked.cid) === false) {
      return await update(asked.pinUpdate, asked, options)
    }
    const existing = await consensus.pinset.get(asked.cid, options)
    options.guard?.(existing)
    const pin = withFactors(asked, config)
    checkExpiry(pin, now())
    if (existing !== undefined) checkRepin(pin, existing)
    const preset = isPinEverywhere(pin) ? [] : (pin.allocations ?? [])
    checkType({ ...pin, allocations: preset })
    const wanted = { ...pin, userAllocations: [...(pin.userAllocations ?? []), ...(preferred ?? [])] }
    const allocations =
      pin.type === PinType.meta || preset.length > 0
        ? preset
        : await allocation.allocate({ ...options, cid: pin.cid, options: wanted, existing, excluded })
    const submitted: Pin = { ...pin, allocations, timestamp: now() }
    await submit([{ type: 'pin', pin: submitted }], options)
    return submitted
  }

  const pin = async (asked: Pin, options: AbortOptions & Guarded, holders: Holders = {}): Promise<Pin> => {
    roles.assertWritable()
    // Callers of another language, or the wire, may hand over a pin without a CID.
    if ((asked.cid as CID | undefined) === undefined) throw new ClusterError('BAD_PIN', 'bad pin object')
    return await queue.run(asked.cid, options.signal, () => pinNow(asked, holders, options))
  }

  const unpin = async (cid: CID, options: AbortOptions & Guarded): Promise<Pin> => {
    roles.assertWritable()
    return await queue.run(cid, options.signal, async () => {
      const existing = await pinned(core, cid, options)
      options.guard?.(existing)
      const cids = await unpinsOf(core, existing, options)
      for (let start = 0; start < cids.length; start += UNPINS_AT_ONCE) {
        const part = cids.slice(start, start + UNPINS_AT_ONCE)
        await submit(
          part.map((each) => ({ type: 'unpin', cid: each })),
          options
        )
      }
      return existing
    })
  }

  return {
    pin: (asked, options) => pin(asked, options),
    async pinAdded(added, options) {
      const preferred = added.allocations ?? []
      const isKept = added.type === PinType.data && preferred.length > 0
      const known = isKept ? await consensus.pinset.get(added.cid, options) : undefined
      if (known === undefined || isPinEverywhere(known)) return await pin(added, options)
      return await pin({ ...added, allocations: [] }, options, { preferred })
    },
    async pinPath({ path, ...rest }: PinPath, options) {
      roles.assertWritable()
      return await pin(pinOf(await ipfs.resolve(path, options), rest), options)
    },
    repinWithout: (lost, lossy, options) => pin({ ...lossy, allocations: [] }, options, { excluded: [lost] }),
    async reallocate(known, allocations, options) {
      roles.assertWritable()
      return await queue.run(known.cid, options.signal, async () => {
        const existing = await consensus.pinset.get(known.cid, options)
        if (existing === undefined || !haveSameHolders(existing, known)) return false
        await submit([{ type: 'pin', pin: { ...existing, allocations, timestamp: now() } }], options)
        return true
      })
    },
    unpin,
    async unpinPath(path, options) {
      roles.assertWritable()
      return await unpin(await ipfs.resolve(path, options), options)
    },
    async remove(cid, options) {
      roles.assertWritable()
      await queue.run(cid, options.signal, () => submit([{ type: 'unpin', cid }], options))
    },
    get: (cid, options) => pinned(core, cid, options),
    list: (options) => consensus.pinset.list(options)
  }
}

function haveSameHolders(a: Pin, b: Pin): boolean {
  const holders = ({ allocations }: Pin): string => (allocations ?? []).map(String).sort().join()
  return a.type === b.type && holders(a) === holders(b)
}
