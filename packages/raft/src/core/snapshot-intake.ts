import type { Reply, SnapshotRequest } from '../messages.ts'
import { ZERO_HEADER } from '../messages.ts'
import { checkConfiguration } from '../configuration.ts'
import { decodeConfiguration } from '../wire/configuration.ts'
import type { CoreState } from './state.ts'
import type { Snapshot } from './snapshot.ts'

/** Snapshots that may arrive at once: the stream of one may hang while the leader tries again. */
const MAX_ARRIVING = 2
const MAX_VERSION = 1

/**
 * Takes in snapshots from the leader.
 *
 * @see wire-raft.md §3.10, S1 to S4
 */
export class SnapshotIntake {
  readonly #state: CoreState
  readonly #arriving = new Map<number, SnapshotRequest>()

  constructor(state: CoreState) {
    this.#state = state
  }

  /**
   * Says what to do with the data of a snapshot.
   *
   * @param acknowledge - the sender leads in this term
   */
  onRequest(id: number, request: SnapshotRequest, acknowledge: (term: number) => void): void {
    const state = this.#state
    const { version, term, lastIndex, size } = request
    const refuse = (error: string, success = false): void => {
      state.effects.receives.push({ id, keep: false, request })
      state.answer({ id, reply: this.#reply(success, error) })
    }
    if (version < 0 || version > MAX_VERSION) {
      refuse(`unsupported snapshot version ${version}`)
      return
    }
    if (term < state.term) {
      refuse('')
      return
    }
    acknowledge(term)
    // it may have stopped itself
    if (state.role !== 'follower') return
    // what is committed here must not go back
    if (lastIndex <= state.commitIndex) {
      refuse('', true)
      return
    }
    const wrong = size < 0 ? 'negative size' : faultOf(request)
    if (wrong !== undefined) {
      refuse(wrong)
      return
    }
    if (this.#arriving.size >= MAX_ARRIVING) {
      refuse('other snapshots are arriving')
      return
    }
    this.#arriving.set(id, request)
    state.effects.receives.push({ id, keep: true, request })
  }

  /** The data is there, durable, as this snapshot; or it is not. */
  onReceived(id: number, snapshot: Snapshot | undefined): void {
    const state = this.#state
    const request = this.#arriving.get(id)
    if (request === undefined) return
    this.#arriving.delete(id)
    if (snapshot === undefined) {
      state.answer({ id, reply: this.#reply(false, 'short read') })
      return
    }
    // somebody else leads by now: that one knows better
    if (request.term < state.term || state.role !== 'follower') {
      state.answer({ id, reply: this.#reply(false, '') })
      return
    }
    if (snapshot.index <= state.commitIndex) {
      state.answer({ id, reply: this.#reply(true, '') })
      return
    }
    const { index, term, configuration, configurationIndex } = snapshot
    const isLogKept = state.log.termAt(index) === term && index >= state.log.firstIndex
    if (isLogKept) state.log.truncateHead(index)
    else state.log.reset(index + 1, term)
    state.snapshot = snapshot
    state.commitIndex = index
    state.servers.install({ index: configurationIndex, configuration }, isLogKept)
    state.effects.restore = snapshot
    state.contactMs = state.nowMs
    state.write(isLogKept ? { truncateHead: index } : { reset: index + 1 }, {
      answers: [{ id, reply: this.#reply(true, '') }]
    })
  }

  #reply(success: boolean, error: string): Reply {
    return { error, body: { type: 'snapshot', header: ZERO_HEADER, term: this.#state.term, success } }
  }
}

function faultOf({ configuration }: SnapshotRequest): string | undefined {
  try {
    checkConfiguration(decodeConfiguration(configuration ?? new Uint8Array()))
    return undefined
  } catch (error) {
    return `the configuration of the snapshot cannot be read: ${String(error)}`
  }
}
