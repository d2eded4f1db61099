import type { ComponentDescriptor } from '@cluster/api'

/** What the reference calls the loggers of its components; others are called by their name. */
const facilities: ReadonlyMap<string, string> = new Map([
  ['pin_tracker.stateless', 'pintracker'],
  ['monitor.pubsubmon', 'monitor'],
  ['informer.disk', 'diskinfo'],
  ['allocator.balanced', 'allocator'],
  ['ipfs_connector.embedded', 'ipfs'],
  ['datastore.leveldb', 'leveldb'],
  ['adder.unixfs', 'adder']
])

/** The name of a component's logger. */
export function facilityOf({ kind, name }: Pick<ComponentDescriptor, 'kind' | 'name'>): string {
  return facilities.get(`${kind}.${name}`) ?? name
}
