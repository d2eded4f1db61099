import { limitCounter, type BaseContext, type LimitCounter } from '@cluster/api'
import type { CounterGroup, PeerId } from '@libp2p/interface'
import type { Refusal } from './metric-store.ts'

/** A metric that is used, but looks as if the clock of its peer were ahead: nobody notices soon when that peer dies. */
const LONG_LIVED = 'valid for more than an hour (clocks differ?)'

/** Why a metric that arrived was dropped, or in the last two cases only noticed. */
type DropReason =
  Refusal | 'too large' | 'not a metric' | 'of another peer' | 'expired on arrival (clocks differ?)' | typeof LONG_LIVED

/**
 * Counts what was dropped and writes it to the log in bulk, so that a peer that sends rubbish cannot fill the log. The
 * last sender is named.
 */
export class DropTally {
  readonly #context: Pick<BaseContext, 'log' | 'metrics'>
  readonly #drops = new Map<DropReason, { count: number; from: PeerId }>()
  readonly #counter: CounterGroup | undefined
  readonly #limitReached: LimitCounter

  constructor(context: Pick<BaseContext, 'log' | 'metrics'>) {
    this.#context = context
    this.#limitReached = limitCounter(context.metrics)
    this.#counter = context.metrics?.registerCounterGroup('ipfscluster_monitor_refused_metrics', {
      label: 'reason',
      help: 'Metrics that arrived and were not used'
    })
  }

  add(reason: DropReason, from: PeerId): void {
    const { count } = this.#drops.get(reason) ?? { count: 0 }
    this.#drops.set(reason, { count: count + 1, from })
    if (reason !== LONG_LIVED) this.#counter?.increment({ [reason]: 1 })
    if (reason === 'too large' || reason === 'too many names') this.#limitReached('monitor_metrics')
  }

  /** Logs what was counted since the last time. */
  flush(): void {
    for (const [reason, { count, from }] of this.#drops) {
      const fields = { count, from: from.toString() }
      if (reason === LONG_LIVED) this.#context.log.info(`metrics ${reason}`, fields)
      else this.#context.log.warn(`metrics not used: ${reason}`, fields)
    }
    this.#drops.clear()
  }
}
