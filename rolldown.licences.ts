import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Plugin } from 'rolldown'

const inOtherPackage = /[\\/]node_modules[\\/]/

/** The folder of the package that a module belongs to: the nearest above it whose manifest has a name. */
function packageFolder(module: string): string {
  for (let folder = dirname(module); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (!existsSync(file)) continue
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string }
    if (manifest.name !== undefined && manifest.version !== undefined) return folder
  }
  throw new Error(`${module} belongs to no package`)
}

/** Name, version and licence of a package, with the texts that its licence wants to be passed on. */
function notice(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
  if (typeof manifest['license'] !== 'string') throw new Error(`${folder} does not say what its licence is`)
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  const title = `${String(manifest['name'])} ${String(manifest['version'])}: ${manifest['license']}`
  return [`${title}\n${'-'.repeat(title.length)}`, ...texts].join('\n\n')
}

/** Writes the licences of the packages that are bundled beside the bundle: who copies them must pass the texts on. */
export function licences(): Plugin {
  return {
    name: 'licences',
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((output) => (output.type === 'chunk' ? output.moduleIds : []))
      const paths = modules
        .map((id) => id.replace(/^\0/, '').replace(/\?.*$/, ''))
        .filter((id) => inOtherPackage.test(id))
      const folders = [...new Set(paths.map(packageFolder))].sort()
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY-LICENSES.txt',
        source: `${folders.map(notice).join('\n\n\n')}\n`
      })
    }
  }
}
