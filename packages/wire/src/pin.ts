import type { Pin, PinOptions, PinPath } from '@cluster/api'
import { at, complete, list, mapOf, present, record, type Form, type Loose, type RecordFields } from './form.ts'
import { address, cid, int, peer, pinMode, pinType, string, time, uint64 } from './scalars.ts'

const peers = list(present('peer ID', peer))
const addresses = list(present('multiaddress', address))
const labels = mapOf(string)

const optionFields: RecordFields<PinOptions> = {
  replicationFactorMin: at(int, 'replication_factor_min', 'rn°'),
  replicationFactorMax: at(int, 'replication_factor_max', 'rx°'),
  name: at(string, 'name', 'n°'),
  mode: at(pinMode, 'mode', 'o°'),
  shardSize: at(uint64, 'shard_size', 's°'),
  userAllocations: at(peers, 'user_allocations', 'ua°'),
  expireAt: at(time, 'expire_at', 'e°'),
  metadata: at(labels, 'metadata', 'm°'),
  pinUpdate: at(cid, 'pin_update', 'pu°'),
  origins: at(addresses, 'origins', 'g°')
}

/** Options of a pin. */
export const pinOptionsForm: Form<PinOptions> = record(optionFields)

/** A pin whose CID may be missing, as Go's zero pin. */
export const loosePinForm: Form<Loose<Pin>> = record<Loose<Pin>>({
  ...optionFields,
  cid: at(cid, 'cid', 'c'),
  type: at(pinType, 'type', 't°'),
  allocations: at(peers, 'allocations', 'a°'),
  maxDepth: at(int, 'max_depth', 'd°'),
  reference: at(cid, 'reference', 'r°'),
  timestamp: at(time, 'timestamp', 'i°')
})

/** A pin. Without a depth on the wire it is direct. */
export const pinForm: Form<Pin> = complete<Pin>('pin', loosePinForm, ['cid'])

/** A pin by path. */
export const pinPathForm: Form<PinPath> = record<PinPath>({ ...optionFields, path: at(string, 'path', 'path') })
