/** Floors of the house, as `--floor` takes them; see CONTRIBUTING.md. */
export type Floor = 'base' | 0 | 1 | 2 | 3 | 4

/** What differs between the manifests of new packages. */
export interface ManifestInit {
  readonly name: string
  readonly floor: Floor
  readonly description: string
  readonly keywords: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
}

/** The order of fields that all published packages keep. */
export const FIELD_ORDER = [
  'name',
  'version',
  'description',
  'keywords',
  'license',
  'type',
  'exports',
  'bin',
  'browser',
  'files',
  'engines',
  'sideEffects',
  'publishConfig',
  'nx',
  'dependencies',
  'devDependencies'
] as const

/** What every entry of `exports` looks like: sources inside the repository, `dist` elsewhere. */
export const entryPoint = (file: string): Readonly<Record<string, string>> => ({
  '@cluster/source': `./src/${file}.ts`,
  types: `./dist/${file}.d.ts`,
  default: `./dist/${file}.js`
})

function tagsOf(name: string, floor: Floor): string[] {
  if (floor === 0) return ['floor:0', `contract:${name}`]
  // An engine that must know the port types of @cluster/api drops the second tag.
  if (floor === 1) return ['floor:1', 'engine:pure']
  return [`floor:${floor}`]
}

/** The `package.json` of a new package. */
export function manifestOf({
  name,
  floor,
  description,
  keywords,
  dependencies
}: ManifestInit): Record<string, unknown> {
  return {
    name: `@cluster/${name}`,
    version: '0.0.0',
    description,
    keywords,
    license: 'MIT OR Apache-2.0',
    type: 'module',
    exports: { './package.json': './package.json', '.': entryPoint('index') },
    files: ['dist', 'src', '!**/*.test.ts', '!**/*.fixture.ts', '!**/*.tsbuildinfo'],
    engines: { node: '>=24' },
    sideEffects: false,
    publishConfig: { access: 'public' },
    nx: { tags: tagsOf(name, floor), targets: { packaging: {} } },
    ...(Object.keys(dependencies).length > 0 && { dependencies })
  }
}
