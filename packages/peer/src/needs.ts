import type { BaseContext, Collaborators, ComponentContext, Kind, Needs } from '@cluster/api'

/** `Needs` of `@cluster/api`, as data. */
const needs: { readonly [K in Kind]: readonly Needs[K][] } = {
  observations: [],
  datastore: [],
  exchange: ['network'],
  monitor: ['network'],
  ipfs_connector: ['datastore', 'network', 'exchange'],
  consensus: ['datastore', 'network', 'exchange', 'remote', 'monitor', 'bootstrap'],
  pin_tracker: ['datastore', 'pinset', 'ipfs'],
  informer: ['ipfs', 'tracker'],
  allocator: [],
  adder: [],
  api: ['cluster', 'httpHost', 'ipfsConnector', 'indexStore']
}

/** The context of a kind: what every component sees, and of the collaborators exactly what this kind may see. */
export function contextFor<K extends Kind>(
  kind: K,
  base: BaseContext,
  collaborators: Partial<Collaborators>
): ComponentContext<K> {
  const names: readonly (keyof Collaborators)[] = needs[kind]
  const visible = Object.fromEntries(names.map((name) => [name, collaborators[name]]))
  return { ...base, ...visible } as ComponentContext<K>
}
