import js from '@eslint/js'
import nx from '@nx/eslint-plugin'
import { defineConfig, globalIgnores } from 'eslint/config'
import * as jsonc from 'jsonc-eslint-parser'
import tseslint from 'typescript-eslint'

const contractLibraries = [
  'zod',
  'multiformats',
  'multiformats/*',
  '@multiformats/*',
  '@libp2p/interface',
  '@libp2p/peer-id',
  '@libp2p/crypto',
  '@libp2p/crypto/*',
  '@ipld/*',
  '@bufbuild/*',
  'interface-datastore',
  'interface-datastore/*',
  'main-event'
]
const floors = [
  { sourceTag: 'floor:base', onlyDependOnLibsWithTags: [] },
  {
    sourceTag: 'floor:0',
    onlyDependOnLibsWithTags: ['floor:base', 'contract:api', 'contract:wire'],
    allowedExternalImports: contractLibraries
  },
  { sourceTag: 'contract:wire', onlyDependOnLibsWithTags: ['floor:base', 'contract:api'] },
  { sourceTag: 'contract:config', onlyDependOnLibsWithTags: ['floor:base', 'contract:api'] },
  { sourceTag: 'floor:1', onlyDependOnLibsWithTags: ['floor:base', 'contract:api'] },
  { sourceTag: 'engine:pure', onlyDependOnLibsWithTags: ['floor:base'] },
  { sourceTag: 'floor:2', onlyDependOnLibsWithTags: ['floor:base', 'floor:0', 'floor:1'] },
  { sourceTag: 'floor:3', onlyDependOnLibsWithTags: ['floor:base', 'floor:0'] },
  { sourceTag: 'floor:4', onlyDependOnLibsWithTags: ['floor:base', 'floor:0', 'floor:1', 'floor:2', 'floor:3'] },
  {
    sourceTag: 'floor:5',
    onlyDependOnLibsWithTags: ['floor:base', 'floor:0', 'floor:1', 'floor:2', 'floor:3', 'floor:4', 'beside:client']
  },
  { sourceTag: 'beside:client', onlyDependOnLibsWithTags: ['floor:base', 'floor:0'] },
  { sourceTag: 'beside:testing', onlyDependOnLibsWithTags: ['floor:base', 'floor:0'] },
  { sourceTag: 'beside:work', onlyDependOnLibsWithTags: ['*'] }
]
const floorsOfTests = floors.map(({ sourceTag, onlyDependOnLibsWithTags: tags }) => ({
  sourceTag,
  onlyDependOnLibsWithTags: [...tags, 'beside:testing']
}))
const allow = ['^.*/(vitest\\.(shared|readme)|rolldown\\.licences)\\.ts$']
const boundaries = (depConstraints) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    { depConstraints, allow, banTransitiveDependencies: true, enforceBuildableLibDependency: true }
  ]
})
const banned = [
  { name: '@libp2p/pnet', message: 'Ends the process on large writes: use the protector of @cluster/host.' },
  { name: '@chainsafe/libp2p-gossipsub', message: 'Delivers nothing on libp2p 3: use @libp2p/gossipsub.' },
  { name: '@chainsafe/libp2p-noise', message: 'Use @libp2p/noise.' },
  { name: '@chainsafe/libp2p-yamux', message: 'Use @libp2p/yamux.' },
  { name: 'hono/basic-auth', message: 'Hashes on each request: use timingSafeEqual.' },
  { name: 'hono/cors', message: 'Slow: set the headers yourself.' }
]
/** Test code: never built, never published. `simulate` holds the schedules of `nx simulate`. */
const testFiles = ['**/*.test.ts', '**/*.fixture.ts', '**/simulate/**/*.ts', '**/*.config.ts']
export default defineConfig(
  globalIgnores(['**/dist', '**/out-tsc', '**/coverage', '.nx', '**/.readme-*', 'tools/generators/src/*/files']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' }, plugins: { '@nx': nx } },
  {
    files: ['**/*.{js,mjs}'],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: { console: true, process: true, URL: true, Buffer: true, fetch: true, setTimeout: true }
    }
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...boundaries(floors),
      'no-restricted-imports': ['error', { paths: banned }],
      'no-restricted-syntax': [
        'error',
        { selector: "CallExpression[callee.property.name='parseBody']", message: 'Buffers the upload: use busboy.' }
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error'
    }
  },
  { files: testFiles, rules: boundaries(floorsOfTests) },
  {
    files: ['packages/*/package.json'],
    languageOptions: { parser: jsonc },
    rules: {
      '@nx/dependency-checks': [
        'error',
        { ignoredFiles: testFiles.map((glob) => glob.replace('**', '{projectRoot}/**')) }
      ]
    }
  }
)
