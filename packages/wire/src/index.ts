export { addParamsFromQuery, addParamsToQuery } from './add-params-query.ts'
export { addedOutputForm, looseNodeWithMetaForm, nodeWithMetaForm } from './add.ts'
export { consensusHealthForm } from './consensus-health.ts'
export type { Form, JsonForm, Loose } from './form.ts'
export { parseJson } from './json.ts'
export { alertForm, looseAlertForm, looseMetricForm, metricForm } from './metric.ts'
export {
  bandwidthByProtocolForm,
  bandwidthForm,
  connectGraphForm,
  idForm,
  ipfsIdForm,
  looseConnectGraphForm,
  looseIdForm,
  versionForm
} from './peers.ts'
export {
  globalPinInfoForm,
  ipfsPinInfoForm,
  looseGlobalPinInfoForm,
  looseIpfsPinInfoForm,
  loosePinInfoForm,
  pinInfoForm,
  pinInfoShortForm
} from './pin-info.ts'
export { loosePinForm, pinForm, pinOptionsForm, pinPathForm } from './pin.ts'
export { globalRepoGcForm, ipfsRepoGcForm, ipfsRepoStatForm, looseRepoGcForm, repoGcForm } from './repo.ts'
export { restErrorForm, type RestError } from './rest-error.ts'
export { pinFromProtobuf, pinToProtobuf, pinTypeFromEnum, pinTypeToEnum } from './pin-protobuf.ts'
export { pinOptionsFromQuery, pinOptionsToQuery } from './pin-options-query.ts'
export { parseQuery } from './query.ts'
export { explanationForm, moveForm, peerServiceForm } from './upkeep.ts'
export type { RestParameter, RestParameterType } from './rest-parameters.ts'
export type { RestAnswer, RestRight, RestRoute } from './rest-route.ts'
export { REST_KEY_TYPES, restRoutes, type RestRouteName } from './rest-routes.ts'
export { rpcMethods, type RpcMethodDescription } from './rpc-methods.ts'
export { cidFromText } from './cid-text.ts'
export { peerIdFromText } from './scalars.ts'
export {
  addedOutputFromJSON,
  addedOutputToJSON,
  alertFromJSON,
  alertToJSON,
  bandwidthByProtocolFromJSON,
  bandwidthByProtocolToJSON,
  connectGraphFromJSON,
  connectGraphToJSON,
  consensusHealthFromJSON,
  consensusHealthToJSON,
  explanationFromJSON,
  explanationToJSON,
  globalPinInfoFromJSON,
  globalPinInfoToJSON,
  globalRepoGcFromJSON,
  globalRepoGcToJSON,
  idFromJSON,
  idToJSON,
  ipfsRepoStatFromJSON,
  ipfsRepoStatToJSON,
  metricFromJSON,
  metricToJSON,
  moveFromJSON,
  moveToJSON,
  peerServiceFromJSON,
  peerServiceToJSON,
  pinFromJSON,
  pinToJSON,
  pinInfoFromJSON,
  pinInfoToJSON,
  restErrorFromJSON,
  restErrorToJSON,
  versionFromJSON,
  versionToJSON
} from './to-json.ts'
