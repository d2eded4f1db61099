export { DatastoreState, type PinStore, type StateOptions } from './datastore-state.ts'
export { cidFromKey, pinFromPair, pinKey, pinToPair } from './pin-entry.ts'
export { marshalState, MAX_SNAPSHOT_ENTRY_BYTES, unmarshalState } from './snapshot.ts'
