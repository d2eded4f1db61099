import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { crdtConfig, type CrdtConfig } from './config.ts'
import { CrdtConsensus } from './crdt-consensus.ts'
import { NAME } from './observe/health.ts'
import { CrdtOfflineState } from './offline/offline-state.ts'

export { CatchUpProtocol, type CatchUpHost, type CatchUpProtocolParts } from './catch-up-protocol.ts'
export { crdtConfig, type CrdtConfig } from './config.ts'
export { CrdtConsensus, type CrdtContext } from './crdt-consensus.ts'
export type { SyncEvents } from './observe/sync-events.ts'
export { topicName } from './topic-name.ts'

/** The component `consensus.crdt`. */
const descriptor: ComponentDescriptor<'consensus', CrdtConfig> = {
  port: PORT_VERSION,
  kind: 'consensus',
  name: NAME,
  config: crdtConfig,
  create: (context, config) => new CrdtConsensus(context, config),
  offline: (context, config) => new CrdtOfflineState(context, config)
}
export default descriptor
