import { isDeepStrictEqual } from 'node:util'
import { entryPoint, FIELD_ORDER } from './manifest.ts'

/** Reads a file of a package; nothing when there is none. */
export type ReadText = (file: string) => string | undefined

type Json = Readonly<Record<string, unknown>>

const json = (text: string | undefined): Json => JSON.parse(text ?? '{}') as Json
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const without = (value: Json, key: string): Json => Object.fromEntries(Object.entries(value).filter(([k]) => k !== key))

/** Fields that every published package has in common, with the values that the generator gives them. */
const COMMON_FIELDS = ['version', 'license', 'type', 'files', 'engines', 'sideEffects', 'publishConfig'] as const

function* manifestDeviations(actual: Json, made: Json): Generator<string> {
  for (const field of COMMON_FIELDS) {
    if (!isDeepStrictEqual(actual[field], made[field])) yield `package.json: ${field}`
  }
  const order: readonly string[] = FIELD_ORDER
  const fields = Object.keys(actual)
  for (const field of fields) if (!order.includes(field)) yield `package.json: unknown field ${field}`
  if (
    !isDeepStrictEqual(
      fields,
      order.filter((field) => field in actual)
    )
  )
    yield 'package.json: order of fields'

  const { description, keywords } = actual
  if (typeof description !== 'string' || description.length < 10 || description.endsWith('.')) {
    yield 'package.json: description is one line without a full stop'
  }
  const words: unknown[] = Array.isArray(keywords) ? keywords : []
  if (words[0] !== 'ipfs' || words[1] !== 'ipfs-cluster' || words.length < 3) {
    yield 'package.json: keywords begin with ipfs, ipfs-cluster and say more'
  }

  const entries = isJson(actual['exports']) ? actual['exports'] : {}
  if (entries['./package.json'] !== './package.json') yield 'package.json: exports ./package.json'
  if (!('.' in entries)) yield 'package.json: exports .'
  for (const [name, entry] of Object.entries(without(entries, './package.json'))) {
    if (!isDeepStrictEqual(entry, entryPoint(name === '.' ? 'index' : name.slice(2))))
      yield `package.json: exports ${name}`
  }

  const nx = isJson(actual['nx']) ? actual['nx'] : {}
  const [floor] = Array.isArray(nx['tags']) ? (nx['tags'] as unknown[]) : []
  if (!/^(floor:(base|\d)|beside:\w+)$/.test(String(floor))) yield 'package.json: the first tag is the floor'
  if (!isJson(nx['targets']) || !('packaging' in nx['targets'])) yield 'package.json: target packaging'
}

function* configDeviations(read: ReadText, made: ReadText): Generator<string> {
  if (!isDeepStrictEqual(json(read('tsconfig.json')), json(made('tsconfig.json')))) yield 'tsconfig.json'
  for (const file of ['tsconfig.lib.json', 'tsconfig.spec.json']) {
    // References follow the imports; nx sync keeps them.
    if (!isDeepStrictEqual(without(json(read(file)), 'references'), without(json(made(file)), 'references'))) yield file
  }
  if (read('vitest.config.ts') !== made('vitest.config.ts')) yield 'vitest.config.ts'
}

/** Packages that a program imports, those of Node apart. */
function importsOf(program: string): Set<string> {
  const names = [...program.matchAll(/(?:from|import) '((?:@[^/']+\/)?[^./'][^/']*)/g)].map(([, name = '']) => name)
  return new Set(names.filter((name) => !name.startsWith('node:')))
}

function* readmeDeviations(name: unknown, readme: string): Generator<string> {
  if (!readme.startsWith(`# ${String(name)}\n`)) yield 'README.md: heading'
  const install = /```sh\nnpm install (?:--save-dev )?(.*)\n/.exec(readme)?.[1]
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  if (install === undefined) yield 'README.md: install line'
  if (example === undefined) yield 'README.md: example'
  for (const wanted of new Set([String(name), ...importsOf(example ?? '')])) {
    if (install !== undefined && !install.split(' ').includes(wanted)) yield `README.md: install line lacks ${wanted}`
  }
  if (/```sh\nnpm install/.test(readme) && example !== undefined && readme.indexOf('```sh') > readme.indexOf('```ts')) {
    yield 'README.md: install line stands before the example'
  }
}

/**
 * In what a package differs from what the generator would make of it, apart from its own code, its dependencies and its
 * place in the house.
 */
export function* deviations(read: ReadText, made: ReadText): Generator<string> {
  const manifest = json(read('package.json'))
  yield* manifestDeviations(manifest, json(made('package.json')))
  yield* configDeviations(read, made)
  for (const file of ['README.md', 'src/index.ts', 'src/readme.test.ts']) {
    if (read(file) === undefined) yield `${file} is missing`
  }
  const readme = read('README.md')
  if (readme !== undefined) yield* readmeDeviations(manifest['name'], readme)
}
