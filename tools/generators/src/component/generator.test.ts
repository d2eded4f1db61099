import { readJson, type Tree } from '@nx/devkit'
import { createTreeWithEmptyWorkspace } from '@nx/devkit/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import component from './generator.ts'

describe('component', () => {
  let tree: Tree

  beforeEach(() => {
    tree = createTreeWithEmptyWorkspace()
    tree.write('tsconfig.json', '{ "files": [], "references": [{ "path": "./packages/config" }] }')
    tree.write('packages/config/package.json', '{ "name": "@cluster/config", "version": "0.3.0" }')
  })

  const text = (file: string) => tree.read(`packages/${file}`, 'utf8')

  it('makes the files of a package and refers to it at the root', () => {
    component(tree, { name: 'informer-free-ram', floor: 2, description: 'Tells the free memory' })
    const made = tree.listChanges().map(({ path }) => path)
    expect(made.filter((path) => path.startsWith('packages/informer-free-ram/')).sort()).toEqual(
      [
        'README.md',
        'package.json',
        ...['config.test.ts', 'config.ts', 'index.ts', 'readme.test.ts'].map((file) => `src/${file}`),
        ...['tsconfig.json', 'tsconfig.lib.json', 'tsconfig.spec.json', 'vitest.config.ts']
      ].map((file) => `packages/informer-free-ram/${file}`)
    )
    const references = [{ path: './packages/config' }, { path: './packages/informer-free-ram' }]
    expect(readJson(tree, 'tsconfig.json')).toEqual({ files: [], references })
  })

  it('takes the version of the other packages, and depends on what it imports', () => {
    component(tree, { name: 'informer-free-ram', floor: 2, description: 'Tells the free memory' })
    expect(readJson(tree, 'packages/informer-free-ram/package.json')).toMatchObject({
      name: '@cluster/informer-free-ram',
      version: '0.3.0',
      description: 'Tells the free memory',
      keywords: ['ipfs', 'ipfs-cluster', 'informer', 'free-ram'],
      nx: { tags: ['floor:2'], targets: { packaging: {} } },
      dependencies: { '@cluster/config': '^0.3.0' }
    })
  })

  it('names things after the key in service.json', () => {
    component(tree, { name: 'informer-free-ram', floor: 2 })
    expect(text('informer-free-ram/README.md')).toContain('Component `informer.free-ram`.')
    const config = text('informer-free-ram/src/config.ts')
    for (const name of ['freeRamConfig', 'interface FreeRamConfig', "name: 'free-ram'", "env: 'CLUSTER_FREERAM'"]) {
      expect(config).toContain(name)
    }
  })

  it.each([
    ['base', ['floor:base']],
    [0, ['floor:0', 'contract:raft-log']],
    [1, ['floor:1', 'engine:pure']],
    [4, ['floor:4']]
  ] as const)('makes a package of floor %s without a section', (floor, tags) => {
    component(tree, { name: 'raft-log', floor })
    const manifest = readJson<{ nx: { tags: string[] } }>(tree, 'packages/raft-log/package.json')
    expect(manifest.nx.tags).toEqual(tags)
    expect(manifest).not.toHaveProperty('dependencies')
    expect(text('raft-log/src/errors.ts')).toContain('class RaftLogError')
    expect(text('raft-log/src/readme.test.ts')).toContain("'RAFT_LOG_LIMIT more than it takes\\n'")
  })

  it('leaves no gap of a template open', () => {
    component(tree, { name: 'adder', floor: 2 })
    component(tree, { name: 'streams', floor: 'base' })
    for (const { path, content } of tree.listChanges())
      expect(content?.toString(), path).not.toMatch(/<%|undefined as|__/)
  })

  it('refuses a name that is taken', () => {
    expect(() => component(tree, { name: 'config', floor: 0 })).toThrow('packages/config exists already')
  })
})
