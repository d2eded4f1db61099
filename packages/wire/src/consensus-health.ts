import {
  CONSENSUS_STATES,
  type ConsensusHead,
  type ConsensusHealth,
  type ConsensusState,
  type MissingBlock
} from '@cluster/api'
import { mapped } from '@cluster/msgpack'
import { at, complete, list, record, type Form, type Loose } from './form.ts'
import { bool, cid, int, string, time, uint64 } from './scalars.ts'

const stateOf = (text: string): ConsensusState => CONSENSUS_STATES.find((state) => state === text) ?? 'unknown'

/** States by their names; those of a later version read as `unknown`. */
const state: Form<ConsensusState> = {
  msgpack: mapped(string.msgpack, stateOf, (value) => value),
  json: { ...string.json, read: (json) => stateOf(string.json.read(json)), zero: () => 'unknown' }
}

const head = complete<ConsensusHead>(
  'head',
  record<Loose<ConsensusHead>>({ cid: at(cid, 'cid', 'c'), height: at(uint64, 'height', 'h') }),
  ['cid']
)
const missingBlock = complete<MissingBlock>(
  'missing block',
  record<Loose<MissingBlock>>({
    cid: at(cid, 'cid', 'c'),
    attempts: at(int, 'attempts', 'a'),
    error: at(string, 'error', 'e')
  }),
  ['cid']
)

/** A list that is empty where there is none. */
function items<T>(form: Form<T>): Form<readonly T[]> {
  const { msgpack, json } = list(form)
  return {
    msgpack: mapped(
      msgpack,
      (value) => value ?? [],
      (value) => value
    ),
    json: { ...json, read: (input) => json.read(input) ?? [], zero: () => [] }
  }
}

/** Where a consensus stands. Only ours tell; Go has no such type. */
export const consensusHealthForm: Form<ConsensusHealth> = record<ConsensusHealth>({
  consensus: at(string, 'consensus', 'consensus'),
  state: at(state, 'state', 'state'),
  reason: at(string, 'reason', 'reason'),
  heads: at(items(head), 'heads', 'heads'),
  headCount: at(int, 'head_count', 'head_count'),
  maxHeight: at(uint64, 'max_height', 'max_height'),
  waitingOperations: at(int, 'waiting_operations', 'waiting_operations'),
  queuedBlocks: at(int, 'queued_blocks', 'queued_blocks'),
  fetchingBlocks: at(int, 'fetching_blocks', 'fetching_blocks'),
  missing: at(items(missingBlock), 'missing', 'missing'),
  missingCount: at(int, 'missing_count', 'missing_count'),
  dirty: at(bool, 'dirty', 'dirty'),
  firstSync: at(bool, 'first_sync', 'first_sync'),
  syncDone: at(int, 'sync_done', 'sync_done'),
  syncKnown: at(int, 'sync_known', 'sync_known'),
  mergedBlocks: at(int, 'merged_blocks', 'merged_blocks'),
  rejectedBlocks: at(int, 'rejected_blocks', 'rejected_blocks'),
  lastError: at(string, 'last_error', 'last_error'),
  lastErrorAt: at(time, 'last_error_at', 'last_error_at')
})
