import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clone, with a slash at its end. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What the checks read of a `package.json`. */
interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** A package that strangers install. */
export interface Published {
  /** From the root, such as `packages/wire`. */
  readonly folder: string
  readonly manifest: Manifest
  readonly readme: string
}

/** All packages that a release publishes. */
export function publishedPackages(): Published[] {
  const folders = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)
  )
  return folders
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
      const readme = join(root, folder, 'README.md')
      return { folder, manifest, readme: existsSync(readme) ? readFileSync(readme, 'utf8') : '' }
    })
    .filter(({ manifest }) => manifest.private !== true)
}
