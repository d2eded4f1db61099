import {
  generateFiles,
  installPackagesTask,
  names,
  readJson,
  updateJson,
  writeJson,
  type GeneratorCallback,
  type Tree
} from '@nx/devkit'
import { join } from 'node:path'
import { manifestOf, type Floor } from './manifest.ts'

/** Options of `nx g @cluster/generators:component`; `schema.json` describes them. */
export interface ComponentOptions {
  readonly name: string
  readonly floor: Floor
  readonly description?: string
}

/**
 * Makes a package below `packages/` that passes lint, typecheck, build, test and packaging at once: on floor 2 with a
 * section of `service.json`, elsewhere with an error class; the rest is yours.
 *
 * @returns what installs the workspace anew, so that others can import the package
 * @throws when the folder exists
 */
export default function component(tree: Tree, options: ComponentOptions): GeneratorCallback {
  const { name, floor } = options
  const folder = `packages/${name}`
  if (tree.exists(`${folder}/package.json`)) throw new Error(`${folder} exists already`)

  const isComponent = floor === 2
  // informer-tags is the key `tags` in the section `informer`, adder the only one of its kind.
  const [kind = name, ...rest] = name.split('-')
  const key = isComponent && rest.length > 0 ? rest.join('-') : name
  const { propertyName: camel, className: pascal, constantName: constant } = names(key)
  const description =
    options.description ?? (isComponent ? `The ${kind} ${key} of an IPFS Cluster peer` : `The ${key} of IPFS Cluster`)
  const { version } = readJson<{ version: string }>(tree, 'packages/config/package.json')

  const init = {
    name,
    floor,
    description,
    keywords: ['ipfs', 'ipfs-cluster', ...new Set(isComponent ? [kind, key] : [key])]
  }
  writeJson(tree, `${folder}/package.json`, {
    ...manifestOf({ ...init, dependencies: isComponent ? { '@cluster/config': `^${version}` } : {} }),
    version
  })
  const code = `${constant}_LIMIT`
  const texts = {
    ...{ name, description, key, camel, pascal, code, isComponent },
    section: `${kind}.${key}`,
    env: `CLUSTER_${constant.replaceAll('_', '')}`,
    exampleOutput: isComponent ? '10000' : `${code} more than it takes`
  }
  for (const part of ['package', isComponent ? 'component' : 'module']) {
    generateFiles(tree, join(import.meta.dirname, 'files', part), folder, texts)
  }
  updateJson(tree, 'tsconfig.json', (json: { references: { path: string }[] }) => ({
    ...json,
    references: [...json.references, { path: `./${folder}` }]
  }))
  return () => {
    installPackagesTask(tree, true)
  }
}
