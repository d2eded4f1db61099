import { ClusterError, PORT_VERSION, type ComponentDescriptor, type Kind } from '@cluster/api'
import { isModuleSpecifier, resolveModule } from './module-specifier.ts'

/**
 * The descriptor that a key of `service.json` stands for: a built-in component, or the default export of a module.
 *
 * @param builtIns - the components of this kind that come with the peer
 * @returns `undefined` for a plain name that nobody knows
 * @throws {ClusterError} `COMPONENT_INVALID` when the module does not load or is no component of this kind
 */
export async function loadDescriptor(
  kind: Kind,
  key: string,
  builtIns: readonly ComponentDescriptor[],
  baseDir: string
): Promise<ComponentDescriptor | undefined> {
  const builtIn = builtIns.find(({ name }) => name === key)
  if (builtIn !== undefined) return builtIn
  const url = resolveModule(key, baseDir)
  if (url === undefined) {
    if (!isModuleSpecifier(key)) return undefined
    throw invalid(kind, key, `no such module, seen from ${baseDir}: install the package or correct the path`)
  }
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(url)) as { readonly default?: unknown }
  } catch (error) {
    throw invalid(kind, key, `does not load: ${error instanceof Error ? error.message : String(error)}`, error)
  }
  return checkDescriptor(kind, key, loaded.default)
}

function checkDescriptor(kind: Kind, key: string, candidate: unknown): ComponentDescriptor {
  if (!isDescriptor(candidate)) {
    throw invalid(kind, key, 'its default export describes no component (port, kind, name, config, create)')
  }
  if (candidate.kind !== kind) throw invalid(kind, key, `is a component of kind ${candidate.kind}, not ${kind}`)
  if (candidate.port !== PORT_VERSION && candidate.port !== PORT_VERSION - 1) {
    const made = `was made for version ${candidate.port} of the ports`
    throw invalid(kind, key, `${made}, this peer takes ${PORT_VERSION}: use another version of the package`)
  }
  return candidate
}

function isDescriptor(candidate: unknown): candidate is ComponentDescriptor {
  if (typeof candidate !== 'object' || candidate === null) return false
  const { port, kind, name, config, create } = candidate as Partial<Record<keyof ComponentDescriptor, unknown>>
  return (
    typeof port === 'number' &&
    typeof kind === 'string' &&
    typeof name === 'string' &&
    typeof config === 'object' &&
    config !== null &&
    typeof (config as { load?: unknown }).load === 'function' &&
    typeof (config as { save?: unknown }).save === 'function' &&
    typeof create === 'function'
  )
}

function invalid(kind: Kind, key: string, text: string, cause?: unknown): ClusterError {
  return new ClusterError('COMPONENT_INVALID', `${kind} ${JSON.stringify(key)}: ${text}`, { cause })
}
