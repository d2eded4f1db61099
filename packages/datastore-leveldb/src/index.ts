export { MAX_GROUP_BYTES, MAX_QUEUED_BYTES } from './commit-queue.ts'
export { DatastoreError, NotFoundError, type DatastoreErrorCode } from './errors.ts'
export { fromGoOptions, type GoLevelOptions, type LevelTuning } from './go-options.ts'
export {
  LevelPeerDatastore,
  MAX_PAGE_ITEMS,
  repairFolder,
  type LevelPeerDatastoreInit
} from './level-peer-datastore.ts'
export { NamespaceDatastore } from './namespace.ts'
export type { DatastoreOperation, PeerDatastore, ScanRange } from './peer-datastore.ts'
