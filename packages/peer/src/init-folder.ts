import { ClusterError, type ComponentDescriptor, type Kind } from '@cluster/api'
import {
  clusterSection,
  componentSections,
  createIdentity,
  formatIdentity,
  formatServiceFile,
  parseIdentity,
  parseSecret,
  type ComponentSection,
  type Identity
} from '@cluster/config'
import type { PeerId } from '@libp2p/interface'
import { randomBytes } from 'node:crypto'
import { peerFiles, readIfThere, SECRET_FILE_MODE, writeWhole } from './files.ts'
import type { BuiltIns } from './peer-config.ts'

/** What a new folder gets. */
export interface InitOptions {
  readonly baseDir: string
  /** Name of the built-in component of a kind, where the first is not wanted. */
  readonly choices?: Readonly<Partial<Record<Kind, string>>>
  /** Hex; the empty text for none. Absent: a random one. */
  readonly secret?: string | undefined
  /** Peers to know from the start, each address with its `/p2p/`. They become the only trusted ones. */
  readonly peers?: readonly { readonly id: PeerId; readonly address: string }[]
  /** Options that differ from the defaults: section → component → key → value; `cluster` is a section of its own. */
  readonly overrides?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly builtIns: BuiltIns
}

/** What was written. */
export interface InitResult {
  readonly servicePath: string
  readonly identityPath: string
  readonly peerstorePath: string
  readonly identity: Identity
  readonly newIdentity: boolean
}

/**
 * Writes `service.json`, an identity unless there is one, and the peerstore. Everything is checked before anything is
 * written.
 *
 * @throws {ClusterError} `CONFIG_INVALID` naming the option that is wrong, `STORAGE` when the folder cannot be written
 * @see cli-config.md §2.4
 */
export async function initFolder(options: InitOptions): Promise<InitResult> {
  const { baseDir, builtIns, env = {}, peers = [], overrides = {} } = options
  const paths = peerFiles(baseDir)
  const secret = options.secret ?? randomBytes(32).toString('hex')
  checkSecret(secret)
  const cluster = clusterSection.load(
    { ...clusterSection.save(clusterSection.defaults, 'file'), secret, ...overrides['cluster'] },
    env,
    baseDir
  )
  const sections: Partial<Record<ComponentSection, ReadonlyMap<string, unknown>>> = {}
  for (const kind of componentSections) {
    const chosen = chooseComponents(kind, builtIns[kind], options.choices?.[kind])
    sections[kind] = new Map(chosen.map((descriptor) => [descriptor.name, sectionOf(descriptor, options)]))
  }
  const text = formatServiceFile({ cluster: clusterSection.save(cluster, 'file'), sections })

  const known = await readIfThere(paths.identity)
  const identity = parseIdentity(known ?? formatIdentity(await createIdentity()), env)
  await writeWhole(paths.service, text, SECRET_FILE_MODE)
  if (known === undefined) await writeWhole(paths.identity, formatIdentity(identity), SECRET_FILE_MODE)
  await writeWhole(paths.peerstore, peers.map(({ address }) => `${address}\n`).join(''), 0o644)
  return {
    servicePath: paths.service,
    identityPath: paths.identity,
    peerstorePath: paths.peerstore,
    identity,
    newIdentity: known === undefined
  }
}

/** One of a kind that a peer has once, all of the kinds that it may have many of, none that it does not need named. */
function chooseComponents(
  kind: ComponentSection,
  builtIns: readonly ComponentDescriptor[],
  choice: string | undefined
): readonly ComponentDescriptor[] {
  if (choice !== undefined) {
    const chosen = builtIns.find(({ name }) => name === choice)
    if (chosen !== undefined) return [chosen]
    const names = builtIns.map(({ name }) => name).join(', ')
    throw new ClusterError(
      'CONFIG_INVALID',
      `${kind}: there is no component ${JSON.stringify(choice)}; choose ${names}`
    )
  }
  if (kind === 'api' || kind === 'informer' || kind === 'observations') return builtIns
  return kind === 'exchange' || kind === 'adder' ? [] : builtIns.slice(0, 1)
}

function sectionOf(descriptor: ComponentDescriptor, { env = {}, baseDir, overrides, peers = [] }: InitOptions): object {
  const { config, kind, name } = descriptor
  const defaults = config.save(config.defaults ?? config.load(undefined, {}, baseDir), 'file')
  const json: Record<string, unknown> = { ...defaults, ...overrides?.[`${kind}.${name}`] }
  // The peers named are the ones to trust (CRDT), or the first members (Raft).
  for (const key of ['trusted_peers', 'init_peerset']) {
    if (kind === 'consensus' && key in defaults && peers.length > 0) json[key] = distinct(peers.map(({ id }) => id))
  }
  return config.save(config.load(json, env, baseDir), 'file')
}

function distinct(peers: readonly PeerId[]): string[] {
  return [...new Set(peers.map(String))]
}

function checkSecret(secret: string): void {
  try {
    parseSecret(secret)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new ClusterError('CONFIG_INVALID', `error parsing user-provided secret: ${cause}`)
  }
}
