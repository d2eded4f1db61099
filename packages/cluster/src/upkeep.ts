import type { AbortOptions, PeerId } from '@libp2p/interface'
import {
  ClusterError,
  itemsOf,
  toClusterError,
  ZERO_PIN_OPTIONS,
  type Metric,
  type Move,
  type Pages,
  type Pin,
  type Upkeep,
  type UpkeepOptions
} from '@cluster/api'
import { createAbsences } from './absences.ts'
import type { Allocation } from './allocation.ts'
import { mapAtOnce } from './at-once.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CoreCollaborators } from './collaborators.ts'
import { closestAmong } from './distance.ts'
import { explain } from './explain.ts'
import type { MemberList } from './members.ts'
import { createMover } from './mover.ts'
import { PING } from './ping-value.ts'
import type { Pinning } from './pinning.ts'
import { planRebalance } from './plan-rebalance.ts'
import { planRepair, type Change, type HolderState, type RepairView } from './plan-repair.ts'
import { createRateLimit } from './rate-limit.ts'
import type { Roles } from './roles.ts'
import { BULLETIN, type ServiceDesk } from './services.ts'
import type { StatusBoard } from './statuses.ts'
import { isAborted, unlessAborted, waitUntil } from './wait.ts'

/** Failed moves of one round that are logged one by one; the rest is counted. */
const MAX_LOGGED_FAILURES = 20

/** Peers that are remembered as heard of; more than any cluster has. */
const MAX_KNOWN = 10_000
/** Times that a pin is judged again because others change it. */
const MAX_ATTEMPTS = 5

/** What is left to do for a pin that was changed elsewhere in between. */
type Again = (pin: Pin, change: Change) => Change | undefined

/** The port, and the loop that uses it. */
export interface UpkeepDesk extends Upkeep {
  /** Looks after the pins that are ours to look after, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

/** The parts of the core that take part. */
export interface UpkeepParts {
  readonly roles: Roles
  readonly members: MemberList
  readonly services: ServiceDesk
  readonly allocation: Allocation
  readonly pinning: Pinning
  readonly statuses: StatusBoard
}

type Needs = Pick<CoreCollaborators, 'self' | 'consensus' | 'monitor' | 'allocator' | 'remote' | 'clock' | 'log'>

/**
 * Repairs, drains, replaces and rebalances. What to do with a pin is decided by pure plans; here they get what they
 * need to know, and their changes are carried out.
 *
 * @see behaviours.md §8 items 4 to 7 and 17
 */
export function createUpkeep(
  core: Needs,
  parts: UpkeepParts,
  config: Pick<ClusterConfig, 'repair' | 'monitorPingIntervalMs' | 'replicationFactorMin' | 'replicationFactorMax'>
): UpkeepDesk {
  const { self, consensus, monitor, clock, log } = core
  const { roles, members, services, allocation, pinning, statuses } = parts
  const { repair: settings } = config
  // One ping that is late, or one slow answer of an IPFS daemon, is no loss.
  const absences = createAbsences(Math.max(settings.gracePeriodMs, 2 * config.monitorPingIntervalMs))
  const limit = createRateLimit(clock, settings.pinsPerMinute)
  const known = new Map<string, PeerId>()
  const mover = createMover(core, { pinning, statuses, limit })

  const isThere = (peer: PeerId): boolean =>
    services.hasIpfs(peer) && (peer.equals(self) || members.metrics(PING).some((metric) => metric.peer.equals(peer)))

  /** The cluster as it is now: every pin of a round is judged by the same view. */
  const view = (): RepairView => {
    const states = new Map<string, HolderState>()
    const judge = (peer: PeerId): HolderState => {
      const presence = absences.look(peer, isThere(peer), clock.nowMs())
      return presence === 'there' && services.get(peer) === 'draining' ? 'leaving' : presence
    }
    return {
      stateOf(peer) {
        const key = peer.toString()
        const state = states.get(key) ?? judge(peer)
        states.set(key, state)
        return state
      },
      // Who lost its IPFS side a moment ago still has valid metrics.
      candidates: (pin) => allocation.candidates(pin).filter(isThere),
      ranked: (pin, holders) => allocation.ranked(pin, holders)
    }
  }

  /** The changes that pins of the pinset need, as the pinset is read. */
  async function* changes(
    planOf: (pin: Pin) => Change | undefined,
    options: AbortOptions
  ): AsyncGenerator<{ readonly pin: Pin; readonly change: Change }, void, undefined> {
    for await (const pin of itemsOf(consensus.pinset.list(options))) {
      const change = planOf(pin)
      if (change !== undefined) yield { pin, change }
    }
  }

  /** Others may look after the same pin: then it is judged again, as it has become. */
  const moveUntilDone = async (
    pin: Pin,
    change: Change,
    again: Again,
    patienceMs: number,
    signal: AbortSignal
  ): Promise<Move> => {
    const about = { cid: pin.cid, name: pin.name, add: [], drop: [] }
    let [current, next] = [pin, change]
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const move = await mover.move(current, next, patienceMs, signal)
      if (move !== 'changed') return move
      const found = await consensus.pinset.get(pin.cid, { signal })
      const plan = found === undefined ? undefined : again(found, next)
      if (found === undefined || plan === undefined) {
        return { ...about, state: 'moved', reason: 'it was changed elsewhere, and needs nothing more', error: '' }
      }
      ;[current, next] = [found, plan]
    }
    return { ...about, state: 'failed', reason: next.reason, error: 'the pin was changed meanwhile' }
  }

  async function* carryOut(
    planOf: (pin: Pin) => Change | undefined,
    { dryRun = false, ...options }: UpkeepOptions,
    patienceMs: number,
    again: Again = planOf
  ): AsyncGenerator<Move, void, undefined> {
    const own = new AbortController()
    const signal = options.signal === undefined ? own.signal : AbortSignal.any([options.signal, own.signal])
    const work = async ({ pin, change }: { pin: Pin; change: Change }): Promise<Move> => {
      const { add, drop, reason, short } = change
      if (!dryRun) return await moveUntilDone(pin, change, again, patienceMs, signal)
      const error = short > 0 ? `${short} copies are missing, and no other peer can take one` : ''
      return { cid: pin.cid, name: pin.name, add, drop, state: 'planned', reason, error }
    }
    try {
      yield* mapAtOnce(changes(planOf, { signal }), settings.movesAtOnce, work)
    } finally {
      own.abort(new ClusterError('ABORTED', 'the caller broke off'))
    }
  }

  async function* moves(
    planOf: (pin: Pin) => Change | undefined,
    options: UpkeepOptions,
    again: Again = planOf
  ): AsyncGenerator<readonly Move[], void, undefined> {
    const end = options.dryRun === true ? () => undefined : await services.beginMoving(options)
    try {
      for await (const move of carryOut(planOf, options, settings.moveTimeoutMs, again)) yield [move]
    } finally {
      end()
    }
  }

  async function* drain(peer: PeerId, options: UpkeepOptions): Pages<Move> {
    roles.assertWritable()
    if (options.dryRun !== true && services.get(peer) !== 'draining') {
      await services.decide(peer, 'draining', options)
    }
    const now = view()
    const leaving: RepairView = {
      ...now,
      stateOf: (holder) => (holder.equals(peer) && now.stateOf(holder) === 'there' ? 'leaving' : now.stateOf(holder)),
      candidates: (pin) => now.candidates(pin).filter((candidate) => !candidate.equals(peer))
    }
    yield* moves((pin) => (holds(pin, peer) ? planRepair(pin, leaving) : undefined), options)
  }

  async function* replace(old: PeerId, by: PeerId, options: UpkeepOptions): Pages<Move> {
    roles.assertWritable()
    if (old.equals(by)) throw new ClusterError('BAD_REQUEST', 'a peer cannot replace itself')
    if (!isThere(by)) throw new ClusterError('BAD_REQUEST', `${by.toString()} is not there to replace another peer`)
    if (services.get(by) !== 'active') throw new ClusterError('BAD_REQUEST', `${by.toString()} takes no new pins`)
    if (options.dryRun !== true) await services.decide(old, 'draining', options)
    const reason = `${by.toString()} replaces ${old.toString()}`
    yield* moves((pin) => {
      if (!holds(pin, old)) return undefined
      const rest = (pin.allocations ?? []).filter((peer) => !peer.equals(old))
      const add = holds(pin, by) ? [] : [by]
      return { add, drop: [old], keep: [...rest.filter(isThere), ...add], reason, short: 0 }
    }, options)
  }

  async function* rebalance(options: UpkeepOptions): Pages<Move> {
    roles.assertWritable()
    const names = core.allocator.metrics
    const eligible = allocation
      .explain({ options: ZERO_PIN_OPTIONS })
      .filter(({ peer, verdict }) => verdict === 'candidate' && isThere(peer))
    const groupsOf = (metrics: ReadonlyMap<string, Metric>): string[] =>
      names.flatMap((name) => {
        const metric = metrics.get(name)
        return metric?.partitionable === true ? [`${name}=${metric.value}`] : []
      })
    const plan = planRebalance(eligible.map(({ peer, metrics }) => ({ peer, groups: groupsOf(metrics) })))
    for await (const pin of itemsOf(consensus.pinset.list(options))) plan.count(pin)
    // A plan counts as done, so it is asked once for each pin.
    yield* moves((pin) => plan.plan(pin), options, restOf)
  }

  /** One round over the pins that are ours; what was begun is finished by a later one. */
  const round = async (signal: AbortSignal): Promise<void> => {
    // Who was told to move pins knows where they belong; to it the copies in between are no surplus.
    if (services.isMoving()) return
    const peers = await members.list({ signal })
    for (const peer of known.values()) absences.look(peer, isThere(peer), clock.nowMs())
    if (absences.missing() > peers.length) {
      log.warn('most peers are gone: pins stay where they are, since it may be this peer that is cut off', {
        there: peers.length,
        gone: absences.missing()
      })
      return
    }
    const acting = services.repairers().filter((peer) => peers.some((member) => member.equals(peer)))
    const isOurs = closestAmong(self, acting)
    const now = view()
    const counts = { planned: 0, moved: 0, waiting: 0, failed: 0 }
    const planOf = (pin: Pin): Change | undefined => (isOurs(pin.cid) ? planRepair(pin, now) : undefined)
    for await (const { cid, state, error, reason } of carryOut(planOf, { signal }, 0)) {
      counts[state] += 1
      if (state !== 'failed' || counts.failed > MAX_LOGGED_FAILURES) continue
      log.warn('a pin could not be repaired', { cid: cid.toString(), reason, error })
    }
    if (counts.moved + counts.waiting + counts.failed > 0) log.info('pins were looked after', counts)
  }

  return {
    services: () => services.list(),
    async setService(peer, state, options) {
      roles.assertWritable()
      return await services.decide(peer, state, options)
    },
    async *repair(options) {
      roles.assertWritable()
      const now = view()
      yield* moves((pin) => planRepair(pin, now), options)
    },
    drain,
    replace,
    rebalance,
    explain: (request) => explain({ ...core, members, allocation }, config, request),
    async run(signal) {
      // Absences count from the first moment that tells of them, not from the next round.
      const onMetric = ({ detail: { name, peer } }: CustomEvent<Metric>): void => {
        if (name !== PING && name !== BULLETIN) return
        absences.look(peer, isThere(peer), clock.nowMs())
        if (known.size < MAX_KNOWN || known.has(peer.toString())) known.set(peer.toString(), peer)
      }
      monitor.addEventListener('metric', onMetric)
      monitor.addEventListener('alert', onMetric)
      try {
        if (settings.intervalMs === 0 || roles.follower) {
          await unlessAborted(new Promise<never>(() => undefined), signal).catch(() => undefined)
          return
        }
        while (await waitUntil(clock, clock.nowMs() + settings.intervalMs, signal)) {
          await round(signal).catch((error: unknown) => {
            if (!isAborted(signal)) log.error('pins were not looked after', { error: toClusterError(error) })
          })
        }
      } finally {
        monitor.removeEventListener('metric', onMetric)
        monitor.removeEventListener('alert', onMetric)
      }
    }
  }
}

function holds(pin: Pin, peer: PeerId): boolean {
  return (pin.allocations ?? []).some((holder) => holder.equals(peer))
}

/** The part of a change that was not made yet. */
function restOf(pin: Pin, change: Change): Change | undefined {
  const add = change.add.filter((peer) => !holds(pin, peer))
  const drop = change.drop.filter((peer) => holds(pin, peer))
  if (add.length === 0 && drop.length === 0) return undefined
  const stay = (pin.allocations ?? []).filter((peer) => !drop.some((other) => other.equals(peer)))
  return { ...change, add, drop, keep: [...stay, ...add] }
}
