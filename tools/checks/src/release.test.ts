import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { publishedPackages, root } from './published.ts'

const json = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'))

describe('nx release', () => {
  it('has every published project in its one group, and no other', () => {
    const { release } = json('nx.json') as { release: { projects: string[]; projectsRelationship: string } }
    expect(release).toMatchObject({ projects: ['packages/*', 'apps/*'], projectsRelationship: 'fixed' })
    const inGroup = ['packages', 'apps'].flatMap((parent) =>
      readdirSync(join(root, parent)).map((n) => `${parent}/${n}`)
    )
    const projects = inGroup.filter((folder) => existsSync(join(root, folder, 'package.json')))
    expect(publishedPackages().map(({ folder }) => folder)).toEqual(projects)

    const others = ['.', 'e2e', ...readdirSync(join(root, 'tools')).map((name) => `tools/${name}`)]
    for (const folder of others.filter((name) => existsSync(join(root, name, 'package.json')))) {
      expect(json(`${folder}/package.json`), folder).toHaveProperty('private', true)
    }
  })

  it('finds one version in all, and ranges that take it', () => {
    const { version } = json('packages/api/package.json') as { version: string }
    for (const { folder, manifest } of publishedPackages()) {
      const { dependencies = {}, devDependencies = {} } = manifest
      expect(manifest.version, folder).toBe(version)
      const ranges = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) =>
        name.startsWith('@cluster/')
      )
      for (const [name, range] of ranges) expect(`${folder}: ${name} ${range}`).toBe(`${folder}: ${name} ^${version}`)
    }
  })

  it('is told of in the README: one row for each package', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const rows = [...readme.matchAll(/^\|.*$/gm)].flatMap(([row]) => [
      ...row.matchAll(/\[`(@cluster\/[\w-]+)`\]\(([^)]+)\)/g)
    ])
    const told = rows.map(([, name, folder]) => `${name ?? ''} in ${folder ?? ''}`).sort()
    expect(told).toEqual(
      publishedPackages()
        .map(({ folder, manifest }) => `${manifest.name} in ${folder}`)
        .sort()
    )
  })
})
