import { ClusterError, type ComponentDescriptor, type Kind } from '@cluster/api'
import {
  clusterSection,
  componentSections,
  formatServiceFile,
  parseServiceFile,
  type ClusterSection,
  type ComponentSection,
  type ServiceFile
} from '@cluster/config'
import { loadDescriptor } from './load-component.ts'

/** A component with its configuration, ready to be created. */
export interface ConfiguredComponent {
  readonly descriptor: ComponentDescriptor
  readonly config: unknown
}

/** The configuration of a whole peer. */
export interface PeerConfig {
  readonly baseDir: string
  readonly cluster: ClusterSection
  /** In the order of the file; built-in components of a kind come first, in the order of the reference. */
  readonly components: Readonly<Record<Kind, readonly ConfiguredComponent[]>>
  /** What was ignored, for the log. */
  readonly warnings: readonly string[]
}

/** The components that come with a peer, by kind; the first of a kind stands in where the configuration is silent. */
export type BuiltIns = Readonly<Record<Kind, readonly ComponentDescriptor[]>>

/** Kinds of which a peer has exactly one. */
const singles: readonly ComponentSection[] = [
  'consensus',
  'ipfs_connector',
  'pin_tracker',
  'monitor',
  'allocator',
  'datastore',
  'exchange',
  'adder'
]
/** Components of the reference that are known to be one of a kind, though they are not built in here. */
const ofReference: ReadonlyMap<Kind, readonly string[]> = new Map([
  ['consensus', ['crdt', 'raft']],
  ['datastore', ['badger', 'badger3', 'leveldb', 'pebble']]
])
/** Kinds that a peer does not guess. */
const required: ReadonlyMap<Kind, string> = new Map([
  ['consensus', 'could not determine the consensus component'],
  ['datastore', 'unknown datastore']
])

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads `service.json` and loads the components that it names.
 *
 * @param text - the file's text
 * @param baseDir - its folder, where relative paths and packages are looked for
 * @throws {ClusterError} `CONFIG_INVALID` or `COMPONENT_INVALID`, naming the section, the component and what was expected
 * @see cli-config.md §4.2
 */
export async function loadPeerConfig(
  text: string,
  baseDir: string,
  env: Environment,
  builtIns: BuiltIns
): Promise<PeerConfig> {
  const file = parseServiceFile(text)
  if (file.source !== undefined) {
    throw new ClusterError('CONFIG_INVALID', `source: fetching ${file.source} is not supported; copy the file instead`)
  }
  if (file.cluster === undefined) {
    throw new ClusterError(
      'CONFIG_INVALID',
      'cluster section failed to validate: cluster.listen_multiaddress is undefined'
    )
  }
  const cluster = clusterSection.load(file.cluster, env, baseDir)
  const warnings: string[] = []
  const components: Partial<Record<Kind, readonly ConfiguredComponent[]>> = {}
  for (const kind of componentSections) {
    components[kind] = await loadKind(kind, file, baseDir, env, builtIns[kind], warnings)
  }
  return { baseDir, cluster, components: components as Record<Kind, readonly ConfiguredComponent[]>, warnings }
}

/**
 * The configuration as JSON for people and logs: what is in force, secrets hidden.
 *
 * @see cli-config.md §4.9
 */
export function displayConfig({ cluster, components }: PeerConfig): string {
  const sections = componentSections.map((kind) => {
    const entries = components[kind].map(({ descriptor, config }) => [
      descriptor.name,
      descriptor.config.save(config, 'display')
    ])
    return [kind, new Map(entries as [string, object][])] as const
  })
  return formatServiceFile({ cluster: clusterSection.save(cluster, 'display'), sections: Object.fromEntries(sections) })
}

async function loadKind(
  kind: ComponentSection,
  file: ServiceFile,
  baseDir: string,
  env: Environment,
  builtIns: readonly ComponentDescriptor[],
  warnings: string[]
): Promise<readonly ConfiguredComponent[]> {
  const found: ConfiguredComponent[] = []
  const unknown: string[] = []
  for (const [key, json] of file.sections[kind]) {
    const descriptor = await loadDescriptor(kind, key, builtIns, baseDir)
    if (descriptor === undefined) unknown.push(key)
    else found.push({ descriptor, config: descriptor.config.load(json, env, baseDir) })
  }
  if (!singles.includes(kind)) {
    if (kind === 'observations') found.push(...standIns(found, builtIns, baseDir, env))
    if (unknown.length > 0) warnings.push(`${kind}: unknown components are ignored: ${unknown.join(', ')}`)
    const rank = ({ descriptor }: ConfiguredComponent): number => builtIns.indexOf(descriptor) + 1 || Infinity
    return found.sort((a, b) => rank(a) - rank(b) || 0)
  }
  // An old name beside one that is known is ignored; two that are known are not.
  const others = unknown.filter((name) => ofReference.get(kind)?.includes(name) === true)
  const names = found.map(({ descriptor }) => descriptor.name).concat(others)
  const missing = required.get(kind)
  if (names.length > 1) {
    const start = missing === undefined ? '' : `${missing}: `
    throw new ClusterError('CONFIG_INVALID', `${start}${kind}: expected exactly one entry, found ${names.join(', ')}`)
  }
  if (found.length === 1) {
    if (unknown.length > 0) warnings.push(`${kind}: unknown components are ignored: ${unknown.join(', ')}`)
    return found
  }
  const known = builtIns.map(({ name }) => name).join(', ')
  if (unknown[0] !== undefined) {
    if (kind === 'datastore' && others.length > 0) throw onlyReadByGo(unknown[0], baseDir)
    const text = `${kind}: there is no component ${JSON.stringify(unknown[0])} here`
    throw new ClusterError('CONFIG_INVALID', `${text}; built in: ${known}; others by package name or ./path`)
  }
  if (missing !== undefined) throw new ClusterError('CONFIG_INVALID', `${missing}: add one entry to ${kind} (${known})`)
  const [standIn] = builtIns
  if (standIn === undefined) throw new ClusterError('CONFIG_INVALID', `${kind}: expected exactly one entry, found none`)
  return [{ descriptor: standIn, config: standIn.config.load(undefined, env, baseDir) }]
}

/** Logs and counters need no entry: what the file does not name has its defaults, and the environment changes them. */
function standIns(
  found: readonly ConfiguredComponent[],
  builtIns: readonly ComponentDescriptor[],
  baseDir: string,
  env: Environment
): readonly ConfiguredComponent[] {
  return builtIns
    .filter((builtIn) => !found.some(({ descriptor }) => descriptor === builtIn))
    .map((descriptor) => ({ descriptor, config: descriptor.config.load(undefined, env, baseDir) }))
}

/** The two commands that carry the state of a folder over, with a new folder in between. */
function onlyReadByGo(store: string, baseDir: string): ClusterError {
  const program = 'ipfs-cluster-service'
  const steps = [
    `with the Go program: ${program} -c ${baseDir} state export -f pins.json`,
    `with this one, after "${program} -c ${baseDir} init --force": ${program} -c ${baseDir} state import -f pins.json`
  ]
  const text = `datastore: ${store} can be read by the Go program only. To carry the pins over, run ${steps.join(', then ')}`
  return new ClusterError('CONFIG_INVALID', text)
}
