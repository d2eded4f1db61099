export { builtIns } from './built-ins.ts'
export { diskScratch } from './disk-scratch.ts'
export { peerFiles } from './files.ts'
export { initFolder, type InitOptions, type InitResult } from './init-folder.ts'
export { openOfflineState, type OfflineOptions, type OpenOfflineState } from './offline-state.ts'
export { createPeer, type Peer, type PeerOptions } from './peer.ts'
export {
  displayConfig,
  loadPeerConfig,
  type BuiltIns,
  type ConfiguredComponent,
  type PeerConfig
} from './peer-config.ts'
export { randomPorts } from './random-ports.ts'
