import { ClusterError } from '@cluster/api'
import { z } from 'zod'
import { toGoJson } from './go-json.ts'

/** The sections of `service.json` that map component names to their configuration, in the order they are written. */
export const componentSections = [
  'consensus',
  'api',
  'ipfs_connector',
  'pin_tracker',
  'monitor',
  'allocator',
  'informer',
  'observations',
  'datastore',
  'exchange',
  'adder'
] as const
/** One of {@link componentSections}. */
export type ComponentSection = (typeof componentSections)[number]

/** `service.json`, split but not yet understood: what an entry means its component knows. */
export interface ServiceFile {
  readonly source: string | undefined
  readonly cluster: unknown
  /** Component name or module specifier → its configuration, by section. Entries that are `null` are left out. */
  readonly sections: Readonly<Record<ComponentSection, ReadonlyMap<string, unknown>>>
}

const sectionJson = z.record(z.string(), z.unknown()).nullish()
const serviceJson = z.looseObject({
  source: z.string().optional(),
  cluster: z.unknown().optional(),
  ...Object.fromEntries(componentSections.map((name) => [name, sectionJson] as const))
})

/**
 * Splits the text of `service.json`. Unknown keys are ignored.
 *
 * @throws {ClusterError} `CONFIG_INVALID`, naming the key that is wrong
 * @see cli-config.md §4.1–4.2
 */
export function parseServiceFile(text: string): ServiceFile {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new ClusterError('CONFIG_INVALID', syntaxError(text, error))
  }
  const parsed = serviceJson.safeParse(json ?? {})
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const path = issue?.path.join('.') ?? ''
    throw new ClusterError('CONFIG_INVALID', `${path === '' ? 'service.json' : path}: ${issue?.message ?? 'invalid'}`)
  }
  const entriesOf = (name: ComponentSection): ReadonlyMap<string, unknown> => {
    const value = sectionJson.parse(parsed.data[name]) ?? {}
    return new Map(Object.entries(value).filter(([, entry]) => entry !== null))
  }
  const sections = Object.fromEntries(componentSections.map((name) => [name, entriesOf(name)]))
  return {
    source: parsed.data.source === '' ? undefined : parsed.data.source,
    cluster: parsed.data.cluster ?? undefined,
    sections: sections as Record<ComponentSection, ReadonlyMap<string, unknown>>
  }
}

/** The text of `service.json`: sections in order, components of a section by name, empty sections left out. */
export function formatServiceFile(
  file: Pick<ServiceFile, 'cluster'> & { readonly sections: Partial<ServiceFile['sections']> }
): string {
  const out: Record<string, unknown> = { cluster: file.cluster }
  for (const name of componentSections) {
    const entries = [...(file.sections[name] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    if (entries.length > 0) out[name] = Object.fromEntries(entries)
  }
  return toGoJson(out, 2)
}

/** What is wrong with a text that is no JSON, in Go's words; the engine's own would quote the file, and its secret. */
function syntaxError(text: string, error: unknown): string {
  const said = error instanceof Error ? error.message : String(error)
  const at = Number(/at position (\d+)/.exec(said)?.[1] ?? Number.NaN)
  const unexpected = /^Unexpected token '(.+?)'/su.exec(said)?.[1]
  if (said.includes('after JSON') && text[at] !== undefined) {
    return `invalid character '${text[at]}' after top-level value`
  }
  if (said.startsWith('Unexpected end') || said.startsWith('Unterminated') || at >= text.trimEnd().length) {
    return 'unexpected end of JSON input'
  }
  if (unexpected !== undefined) return `invalid character '${unexpected}' looking for beginning of value`
  const line = Number.isNaN(at) ? '' : ` in line ${text.slice(0, at).split('\n').length}`
  return `service.json is no JSON: ${said.replace(/ in JSON at position.*$/s, '').replace(/, ".*$/s, '')}${line}`
}
