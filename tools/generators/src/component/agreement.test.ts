import type { Tree } from '@nx/devkit'
import { createTreeWithEmptyWorkspace } from '@nx/devkit/testing'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { deviations, type ReadText } from './deviations.ts'
import component from './generator.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const packages = readdirSync(`${root}packages`).filter((name) => existsSync(`${root}packages/${name}/package.json`))
const onDisk =
  (name: string): ReadText =>
  (file) => {
    const path = `${root}packages/${name}/${file}`
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }

describe('every package is as the generator would make it', () => {
  let tree: Tree

  beforeAll(() => {
    tree = createTreeWithEmptyWorkspace()
    tree.write('tsconfig.json', '{ "files": [], "references": [] }')
    // The version that all have: releases move it.
    tree.write('packages/config/package.json', onDisk('config')('package.json') ?? '')
    component(tree, { name: 'example', floor: 2 })
    component(tree, { name: 'engine', floor: 1 })
  })

  const made =
    (name: string): ReadText =>
    (file) =>
      tree.read(`packages/${name}/${file}`, 'utf8') ?? undefined

  it.each(packages)('%s', (name) => {
    expect([...deviations(onDisk(name), made('example'))]).toEqual([])
  })

  it('what it makes has no deviations itself', () => {
    expect([...deviations(made('example'), made('engine'))]).toEqual([])
    expect([...deviations(made('engine'), made('example'))]).toEqual([])
  })

  it('sees what differs', () => {
    const changed: ReadText = (file) => {
      const text = made('example')(file)
      if (file === 'package.json')
        return text?.replace('"type": "module"', '"type": "commonjs"').replace('./src/', './lib/')
      if (file === 'tsconfig.lib.json') return text?.replace('"dist"', '"lib"')
      if (file === 'vitest.config.ts') return text?.replace('root: ', 'retry: 3, root: ')
      if (file === 'src/readme.test.ts') return undefined
      return text?.replace('npm install @cluster/example', 'npm install example')
    }
    expect([...deviations(changed, made('example'))]).toEqual([
      'package.json: type',
      'package.json: exports .',
      'tsconfig.lib.json',
      'vitest.config.ts',
      'src/readme.test.ts is missing',
      'README.md: install line lacks @cluster/example'
    ])
  })
})
