import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publishedPackages, root } from './published.ts'

// What a stranger does: install the packed packages into an empty project, import them, run the programs and the
// examples, compile against the types. Nothing here sees the sources or the node_modules of the repository.

const published = publishedPackages()
const libraries = published.filter(({ manifest }) => manifest.exports !== undefined)
const specifiers = libraries.flatMap(({ manifest: { name, exports } }) =>
  Object.keys(exports ?? {})
    .filter((entry) => entry !== './package.json')
    .map((entry) => name + entry.slice(1))
)

interface Tarball {
  readonly name: string
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

const run = promisify(execFile)
// Without what npm and Nx hand to their children: a stranger has none of it.
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|NX_|NODE_(ENV|OPTIONS|PATH)$|FORCE_COLOR|VITEST|TEST$)/i.test(name)
  )
)
const node = async (cwd: string, ...args: string[]) => (await run(process.execPath, args, { cwd, env })).stdout
async function npm(cwd: string, ...args: string[]): Promise<string> {
  const entry = process.env['npm_execpath']
  const options = { cwd, env, maxBuffer: 64 << 20 }
  if (entry?.endsWith('.js') === true) return (await run(process.execPath, [entry, ...args], options)).stdout
  return (await run('npm', args, { ...options, shell: process.platform === 'win32' })).stdout
}

/** The versions of other people's packages that the repository is tested with. */
async function lockedVersions(): Promise<(name: string) => string> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string } | undefined>
  }
  return (name) => {
    const version = lock.packages[`node_modules/${name}`]?.version
    if (version === undefined) throw new Error(`${name} is not in the lock`)
    return version
  }
}

// Linked: each package sees what it declares, not what another brought.
const install = ['install', '--install-strategy=linked', '--ignore-scripts', '--prefer-offline', '--loglevel=error']

/** Packages that a README says to install. */
const installLine = (readme: string) => /```sh\nnpm install (?:--save-dev )?(.*)\n/.exec(readme)?.[1]?.split(' ') ?? []

async function lineWith(output: Readable, text: string): Promise<void> {
  for await (const line of createInterface({ input: output })) if (line.includes(text)) return
  await new Promise(() => undefined) // the end of the process is told elsewhere
}

describe('packed packages in an empty project', () => {
  let folder: string
  let project: string
  let tarballs: readonly Tarball[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'packed-'))
    project = join(folder, 'project')
    await mkdir(project)
    const workspaces = published.map((item) => `--workspace=${item.folder}`)
    const pack = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`, ...workspaces]
    tarballs = JSON.parse(await npm(root, ...pack)) as Tarball[]

    const locked = await lockedVersions()
    const dependencies = Object.fromEntries(tarballs.map(({ name, filename }) => [name, `file:../${filename}`]))
    const wanted = published.flatMap(({ manifest }) => Object.entries(manifest.dependencies ?? {}))
    const overrides = Object.fromEntries(
      wanted.filter(([name]) => !(name in dependencies)).map(([name, range]) => [`${name}@${range}`, locked(name)])
    )
    const devDependencies = { '@types/node': locked('@types/node') }
    const manifest = { private: true, type: 'module', dependencies, devDependencies, overrides }
    await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
    // A package of ours that is not among the tarballs must not come from anywhere else.
    await writeFile(join(project, '.npmrc'), '@cluster:registry=http://127.0.0.1:9/\nfetch-retries=0\n')
    await npm(project, ...install)
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  it('hold what is needed and nothing else', () => {
    expect(tarballs.map(({ name }) => name).sort()).toEqual(published.map(({ manifest }) => manifest.name).sort())
    for (const { name, files } of tarballs) {
      const paths = files.map(({ path }) => path)
      expect(paths).toContain('package.json')
      expect(paths.includes('README.md'), `${name} has a README`).toBe(true)
      expect(
        paths.filter((path) => /\.test\.|\.e2e\.|tsbuildinfo|readme-|out-tsc|vectors|tsconfig/.test(path)),
        name
      ).toEqual([])
    }
  })

  it('have the licences of what is bundled in the programs, and no maps of it', () => {
    const programs = published.filter(({ manifest }) => manifest.exports === undefined)
    expect(programs.map(({ manifest }) => manifest.name).sort()).toEqual(['@cluster/ctl', '@cluster/service'])
    for (const { name, files } of tarballs.filter(({ name }) =>
      programs.some(({ manifest }) => manifest.name === name)
    )) {
      const paths = files.map(({ path }) => path)
      expect(paths, name).toEqual(expect.arrayContaining(['dist/main.js', 'dist/THIRD-PARTY-LICENSES.txt']))
      expect(paths.filter((path) => path.endsWith('.map'))).toEqual([])
    }
  })

  it('are there once each', async () => {
    const scope = join(project, 'node_modules/@cluster')
    expect((await readdir(scope)).map((name) => `@cluster/${name}`).sort()).toEqual(
      tarballs.map(({ name }) => name).sort()
    )
    const nested = (await readdir(scope)).filter((name) => existsSync(join(scope, name, 'node_modules/@cluster')))
    expect(nested).toEqual([])
  })

  it('can be imported, all into one program', async () => {
    const program = `for (const name of ${JSON.stringify(specifiers)}) {
      const { length } = Object.keys(await import(name))
      if (length > 0) console.log(name)
    }`
    await writeFile(join(project, 'import.js'), program)
    expect((await node(project, 'import.js')).trim().split('\n')).toEqual(specifiers)
  })

  it('have types that compile, declarations included', async () => {
    const lines = specifiers.map((name, index) => `import * as _${index} from '${name}'\nvoid _${index}\n`)
    const consumer = `import { pinOf, TrackerStatus, type Pin } from '@cluster/api'
import { ClusterClient } from '@cluster/client'

declare const cid: Pin['cid']
const client = new ClusterClient({ url: 'http://127.0.0.1:9094' })
const pin: Pin = pinOf(cid, { name: 'docs' })
export const answer: Promise<Pin> = client.pin(pin.cid, pin)
// @ts-expect-error a status is no text
export const status: TrackerStatus = 'pinned'
`
    await writeFile(join(project, 'consumer.ts'), lines.join('') + consumer)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2024',
      lib: ['esnext'],
      types: ['node'],
      noEmit: true,
      strict: true
    }
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const args = [compiler, '-p', '.', '--pretty', 'false']
    const report = await node(project, ...args).catch((error: unknown) => (error as { stdout: string }).stdout)
    // Declarations of other people have faults of their own; most users skip them with skipLibCheck.
    const ours = report
      .split('\n')
      .filter((line) => line !== '' && !/^(\s|node_modules\/\.store\/(?!@cluster\/))/.test(line))
    expect(ours).toEqual([])
  })

  it('bring the programs', async () => {
    const bin = (name: string) => join(project, 'node_modules/.bin', name)
    expect(await node(project, bin('ipfs-cluster-service'), 'version')).toMatch(/^\d+\.\d+\.\d+/)
    expect(await node(project, bin('ipfs-cluster-ctl'), '--help')).toMatch(/^NAME:\n {3}ipfs-cluster-ctl - /)
  })

  it('make a peer that starts, answers and stops', async () => {
    const bin = (name: string) => join(project, 'node_modules/.bin', name)
    await node(project, bin('ipfs-cluster-service'), '-c', 'one', 'init', '--ipfs', 'embedded', '--randomports')
    const service = JSON.parse(await readFile(join(project, 'one/service.json'), 'utf8')) as {
      api: { restapi: { http_listen_multiaddress: string } }
    }
    const daemon = spawn(process.execPath, [bin('ipfs-cluster-service'), '-c', 'one', 'daemon'], {
      cwd: project,
      env,
      timeout: 60_000
    })
    const ended = once(daemon, 'exit')
    try {
      await Promise.race([
        ended.then(() => Promise.reject(new Error('ended before it was ready'))),
        ...[daemon.stdout, daemon.stderr].map((output) => lineWith(output, 'IPFS Cluster is READY'))
      ])
      const { http_listen_multiaddress: host } = service.api.restapi
      expect(await node(project, bin('ipfs-cluster-ctl'), '--host', host, 'id')).toMatch(/^12D3KooW\w+ \| /)
    } finally {
      daemon.kill('SIGTERM')
    }
    expect(await ended).toEqual([0, null])
  })

  it('run the examples of their READMEs, with what these say to install', async () => {
    const locked = await lockedVersions()
    const others = new Set(
      libraries.flatMap(({ readme }) => installLine(readme)).filter((name) => !/^@cluster\//.test(name))
    )
    await npm(project, ...install, ...[...others].map((name) => `${name}@${locked(name)}`))
    const examples = libraries.map(({ manifest: { name }, readme }) => ({
      file: `${name.slice('@cluster/'.length)}.example.ts`,
      text: /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? 'throw new Error("no example")'
    }))
    const waiting = [...examples]
    const failures: string[] = []
    async function work(): Promise<void> {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await writeFile(join(project, next.file), next.text)
        const printed = await node(project, next.file).catch((error: unknown) => `failed: ${String(error)}`)
        if (printed === '' || printed.startsWith('failed')) failures.push(`${next.file} ${printed}`)
      }
    }
    await Promise.all(Array.from({ length: availableParallelism() }, work))
    expect(failures).toEqual([])
  })
})
