import { PIN_FAILURES, type GlobalPinInfo, type IPFSPinInfo, type PinInfo, type PinInfoShort } from '@cluster/api'
import { at, complete, list, mapOf, present, record, type Form, type Loose, type RecordFields } from './form.ts'
import { address, bool, cid, int, ipfsPinStatus, peer, string, time, timeOrNone, trackerStatus } from './scalars.ts'
import { oneOfOrNone } from './words.ts'

const peers = list(present('peer ID', peer))
const addresses = list(present('multiaddress', address))
const labels = mapOf(string)

const shortFields: RecordFields<PinInfoShort> = {
  peername: at(string, 'peername', 'pn°'),
  ipfsPeerId: at(peer, 'ipfs_peer_id°', 'i°'),
  ipfsPeerAddresses: at(addresses, 'ipfs_peer_addresses°', 'ia°'),
  status: at(trackerStatus, 'status', 'st°'),
  timestamp: at(time, 'timestamp', 'ts°'),
  error: at(string, 'error', 'e°'),
  attemptCount: at(int, 'attempt_count', 'a°'),
  priorityPin: at(bool, 'priority_pin', 'y°'),
  // What follows is ours: Go peers and clients skip keys that they do not know, and never write these.
  reason: at(oneOfOrNone(PIN_FAILURES, 'failed'), 'reason°', 'reason°'),
  retryAt: at(timeOrNone, 'retry_at°', 'retryAt°')
}

/** What a peer says of a pin, inside a {@link globalPinInfoForm}. */
export const pinInfoShortForm: Form<PinInfoShort> = record(shortFields)

/** What a peer says of a pin; CID and peer may be missing. Its `m` is the name, its `a` the attempt count. */
export const loosePinInfoForm: Form<Loose<PinInfo>> = record<Loose<PinInfo>>({
  cid: at(cid, 'cid', 'c'),
  name: at(string, 'name', 'm°'),
  peer: at(peer, 'peer', 'p°'),
  allocations: at(peers, 'allocations', 'o°'),
  origins: at(addresses, 'origins', 'g°'),
  created: at(time, 'created', 't°'),
  metadata: at(labels, 'metadata', 'md°'),
  ...shortFields
})

/** What a peer says of a pin. */
export const pinInfoForm: Form<PinInfo> = complete<PinInfo>('pin info', loosePinInfoForm, ['cid', 'peer'])

/** What the cluster says of a pin; the CID may be missing. */
export const looseGlobalPinInfoForm: Form<Loose<GlobalPinInfo>> = record<Loose<GlobalPinInfo>>({
  cid: at(cid, 'cid', 'c'),
  name: at(string, 'name', 'n'),
  allocations: at(peers, 'allocations', 'a°'),
  origins: at(addresses, 'origins', 'g°'),
  created: at(time, 'created', 't°'),
  metadata: at(labels, 'metadata', 'm°'),
  peerMap: at(mapOf(pinInfoShortForm), 'peer_map', 'pm°')
})

/** What the cluster says of a pin. */
export const globalPinInfoForm: Form<GlobalPinInfo> = complete<GlobalPinInfo>(
  'global pin info',
  looseGlobalPinInfoForm,
  ['cid']
)

/** A line of the list of pins of the IPFS side; the CID may be missing. */
export const looseIpfsPinInfoForm: Form<Loose<IPFSPinInfo>> = record<Loose<IPFSPinInfo>>({
  cid: at(cid, 'Cid', 'c'),
  type: at(ipfsPinStatus, 'Type', 't')
})

/** A line of the list of pins of the IPFS side. */
export const ipfsPinInfoForm: Form<IPFSPinInfo> = complete<IPFSPinInfo>('IPFS pin', looseIpfsPinInfoForm, ['cid'])
