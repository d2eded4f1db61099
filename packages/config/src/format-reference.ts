import type { OptionDoc } from '@cluster/api'

/** A section for {@link formatReference}. */
export interface DocumentedSection {
  /** Where it stands in `service.json`, such as `informer.disk`. */
  readonly path: string
  readonly options: readonly OptionDoc[]
}

const HEAD = '| Key | Type | Default | If left out | Environment | Meaning |\n| --- | --- | --- | --- | --- | --- |\n'

/**
 * The reference of sections in Markdown: one table a section, one row an option.
 *
 * @example
 * ```ts
 * formatReference([{ path: 'informer.disk', options: diskConfig.describe() }])
 * ```
 */
export function formatReference(sections: readonly DocumentedSection[]): string {
  return sections.map(formatSection).join('\n')
}

function formatSection({ path, options }: DocumentedSection): string {
  const title = `## \`${path}\`\n\n`
  if (options.length === 0) return `${title}No options.\n`
  return `${title}${HEAD}${options.map(formatRow).join('')}`
}

function formatRow(option: OptionDoc): string {
  const { key, type, env, description, secret = false } = option
  const shown = option.default === undefined ? '' : valueOf(option.default)
  const absent = option.absent === undefined ? 'default' : valueOf(option.absent)
  const end = /[.!?]$/.test(description) ? '' : '.'
  const meaning = `${description}${end}${secret ? ' Secret: hidden wherever the configuration is shown.' : ''}`
  const cells = [`\`${key}\``, type, shown, absent, `\`${env}\``, meaning]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

/** JSON as code, words as they are. */
function valueOf(text: string): string {
  return /^["[{\d-]|^(?:true|false|null)$/.test(text) ? `\`${text}\`` : text
}
