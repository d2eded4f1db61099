import type {
  AddedOutput,
  Alert,
  BandwidthByProtocol,
  ConnectGraph,
  ConsensusHealth,
  Explanation,
  GlobalPinInfo,
  GlobalRepoGC,
  ID,
  IPFSRepoStat,
  Metric,
  Move,
  PeerService,
  Pin,
  PinInfo,
  Version
} from '@cluster/api'
import { addedOutputForm } from './add.ts'
import { consensusHealthForm } from './consensus-health.ts'
import { alertForm, metricForm } from './metric.ts'
import { bandwidthByProtocolForm, connectGraphForm, idForm, versionForm } from './peers.ts'
import { globalPinInfoForm, pinInfoForm } from './pin-info.ts'
import { pinForm } from './pin.ts'
import { globalRepoGcForm, ipfsRepoStatForm } from './repo.ts'
import { restErrorForm, type RestError } from './rest-error.ts'
import { explanationForm, moveForm, peerServiceForm } from './upkeep.ts'

// Printing gives the text of Go, byte for byte, without a newline. Reading takes what `parseJson` returned and throws
// a ClusterError `CORRUPT` that names the key. See http-apis.md §1.13 and §2.

/** Prints a pin as JSON. */
export const pinToJSON: (value: Pin) => string = pinForm.json.print
/** Reads a pin from parsed JSON. */
export const pinFromJSON: (json: unknown) => Pin = pinForm.json.read
/** Prints what a peer says of a pin as JSON. */
export const pinInfoToJSON: (value: PinInfo) => string = pinInfoForm.json.print
/** Reads what a peer says of a pin from parsed JSON. */
export const pinInfoFromJSON: (json: unknown) => PinInfo = pinInfoForm.json.read
/** Prints what the cluster says of a pin as JSON. */
export const globalPinInfoToJSON: (value: GlobalPinInfo) => string = globalPinInfoForm.json.print
/** Reads what the cluster says of a pin from parsed JSON. */
export const globalPinInfoFromJSON: (json: unknown) => GlobalPinInfo = globalPinInfoForm.json.read
/** Prints a peer as JSON. */
export const idToJSON: (value: ID) => string = idForm.json.print
/** Reads a peer from parsed JSON. */
export const idFromJSON: (json: unknown) => ID = idForm.json.read
/** Prints a version as JSON. */
export const versionToJSON: (value: Version) => string = versionForm.json.print
/** Reads a version from parsed JSON. */
export const versionFromJSON: (json: unknown) => Version = versionForm.json.read
/** Prints a connectivity graph as JSON. */
export const connectGraphToJSON: (value: ConnectGraph) => string = connectGraphForm.json.print
/** Reads a connectivity graph from parsed JSON. */
export const connectGraphFromJSON: (json: unknown) => ConnectGraph = connectGraphForm.json.read
/** Prints where a consensus stands as JSON. */
export const consensusHealthToJSON: (value: ConsensusHealth) => string = consensusHealthForm.json.print
/** Reads where a consensus stands from parsed JSON. */
export const consensusHealthFromJSON: (json: unknown) => ConsensusHealth = consensusHealthForm.json.read
/** Prints what was decided about a peer as JSON. */
export const peerServiceToJSON: (value: PeerService) => string = peerServiceForm.json.print
/** Reads what was decided about a peer from parsed JSON. */
export const peerServiceFromJSON: (json: unknown) => PeerService = peerServiceForm.json.read
/** Prints a move as JSON. */
export const moveToJSON: (value: Move) => string = moveForm.json.print
/** Reads a move from parsed JSON. */
export const moveFromJSON: (json: unknown) => Move = moveForm.json.read
/** Prints why peers were chosen as JSON. */
export const explanationToJSON: (value: Explanation) => string = explanationForm.json.print
/** Reads why peers were chosen from parsed JSON. */
export const explanationFromJSON: (json: unknown) => Explanation = explanationForm.json.read
/** Prints a metric as JSON. */
export const metricToJSON: (value: Metric) => string = metricForm.json.print
/** Reads a metric from parsed JSON. */
export const metricFromJSON: (json: unknown) => Metric = metricForm.json.read
/** Prints an alert as JSON. */
export const alertToJSON: (value: Alert) => string = alertForm.json.print
/** Reads an alert from parsed JSON. */
export const alertFromJSON: (json: unknown) => Alert = alertForm.json.read
/** Prints traffic by protocol as JSON. */
export const bandwidthByProtocolToJSON: (value: BandwidthByProtocol | undefined) => string =
  bandwidthByProtocolForm.json.print
/** Reads traffic by protocol from parsed JSON. */
export const bandwidthByProtocolFromJSON: (json: unknown) => BandwidthByProtocol | undefined =
  bandwidthByProtocolForm.json.read
/** Prints a garbage collection as JSON. */
export const globalRepoGcToJSON: (value: GlobalRepoGC) => string = globalRepoGcForm.json.print
/** Reads a garbage collection from parsed JSON. */
export const globalRepoGcFromJSON: (json: unknown) => GlobalRepoGC = globalRepoGcForm.json.read
/** Prints the size of an IPFS repository as JSON. */
export const ipfsRepoStatToJSON: (value: IPFSRepoStat) => string = ipfsRepoStatForm.json.print
/** Reads the size of an IPFS repository from parsed JSON. */
export const ipfsRepoStatFromJSON: (json: unknown) => IPFSRepoStat = ipfsRepoStatForm.json.read
/** Prints an event of an add as JSON. */
export const addedOutputToJSON: (value: AddedOutput) => string = addedOutputForm.json.print
/** Reads an event of an add from parsed JSON. */
export const addedOutputFromJSON: (json: unknown) => AddedOutput = addedOutputForm.json.read
/** Prints a REST error as JSON. */
export const restErrorToJSON: (value: RestError) => string = restErrorForm.json.print
/** Reads a REST error from parsed JSON. */
export const restErrorFromJSON: (json: unknown) => RestError = restErrorForm.json.read
