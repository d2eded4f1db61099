import type { PeerProcess } from '@cluster/processes'
import { fromBundle, run, type Outcome } from '@cluster/processes'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { createHash } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heldUrl } from './scenarios/adding.ts'
import { newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

interface Combo {
  readonly combo: string
  readonly ctl_argv: readonly string[]
  readonly stdout: string
}
interface Recorded {
  readonly id: string
  readonly argv: readonly string[]
  readonly stdout: string
  readonly exit: number
}

const vectors = new URL('../../packages/testing/vectors/cli/', import.meta.url)
const { combos } = JSON.parse(await readFile(new URL('add-combos.json', vectors), 'utf8')) as { combos: Combo[] }
const outputs = JSON.parse(await readFile(new URL('outputs.json', vectors), 'utf8')) as Recorded[]
/** Those that need nothing but the files; the others have tests of their own. */
const recorded = outputs.filter(({ id }) => /^add-(?!car|empty|url)/.test(id))

const BIG_BYTES = 20 * 1024 * 1024
const DIGEST_BYTES = 32

describe('ctl add', () => {
  let cluster: TestCluster
  let peer: TestPeer
  let process: PeerProcess
  let data: string
  let server: Server
  let url: string

  const ctl = (...args: readonly string[]): Promise<Outcome> =>
    run(fromBundle('ctl'), ['--host', `/ip4/127.0.0.1/tcp/${peer.restPort.toString()}`, ...args], { cwd: data })

  beforeAll(async () => {
    cluster = await TestCluster.create()
    peer = await cluster.peer('alone', newSecret())
    process = peer.start()
    data = join(cluster.folder, 'data')
    await writeData(data)
    server = createServer((request, response) => {
      if (request.url === '/x/file.txt?a=1') response.end('from the web\n')
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port.toString()}` : ''
    await process.ready()
  })
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await cluster[Symbol.asyncDispose]()
  })

  it.each(combos)('prints what ipfs add prints: $combo', async ({ ctl_argv, stdout }) => {
    expect(await ctl(...ctl_argv)).toEqual({ exitCode: 0, stdout, stderr: '' })
  })

  it.each(recorded)('prints what the reference prints: $id', async ({ id, argv, stdout, exit }) => {
    const outcome = await ctl(...argv.slice(argv.indexOf('--host') + 2))
    // What the caller got wrong has a status that says so, where the reference has 500 for some of it.
    const wanted = ['add-badchunker', 'add-badhash'].includes(id) ? stdout.replace('Code: 500', 'Code: 400') : stdout
    expect({ ...outcome, stdout: plain(outcome.stdout) }).toEqual({ exitCode: exit, stdout: plain(wanted), stderr: '' })
  })

  it('adds a CAR file', async () => {
    const car = new URL('../adder/car.json', vectors)
    const { cases } = JSON.parse(await readFile(car, 'utf8')) as {
      cases: { name: string; bodyHex: string; root: string }[]
    }
    const { bodyHex, root } = cases.find(({ name }) => name === 'car-v1-unixfs-dir') ?? expect.unreachable('recorded')
    await writeFile(join(data, 'f.car'), Buffer.from(bodyHex, 'hex'))
    expect(await ctl('add', '--format', 'car', 'f.car')).toEqual({
      exitCode: 0,
      stdout: `added ${root} f.car\n`,
      stderr: ''
    })
    expect((await ctl('add', '--format', 'car', '-Q', 'f.car')).stdout).toBe(`${root}\n`)
  })

  it('NX-7: gives back all blocks of a CAR file with several hash functions', async () => {
    const inner = await ctl('add', '--no-pin', '-Q', '--hash', 'blake2b-256', 'small.txt')
    const leaf = CID.parse(inner.stdout.trim())
    const other = CID.parse((await ctl('add', '--no-pin', '-Q', '--raw-leaves', 'single/abc.txt')).stdout.trim())
    // A list of both in CBOR: the root, of SHA-256.
    const link = (cid: CID): Buffer => Buffer.from([0xd8, 0x2a, 0x58, cid.bytes.length + 1, 0, ...cid.bytes])
    const list = Buffer.concat([Buffer.from([0x82]), link(leaf), link(other)])
    const root = CID.createV1(0x71, await sha256.digest(list))
    const header = Buffer.concat([Buffer.from([0xa2, 0x65]), Buffer.from('roots'), Buffer.from([0x81]), link(root)])
    const sections = [
      Buffer.concat([header, Buffer.from([0x67]), Buffer.from('version'), Buffer.from([1])]),
      Buffer.concat([leaf.bytes, Buffer.from('small file\n')]),
      Buffer.concat([other.bytes, Buffer.from('abc\n')]),
      Buffer.concat([root.bytes, list])
    ]
    // Another peer, which has none of it.
    const fresh = await cluster.peer('fresh', newSecret())
    const running = fresh.start()
    await running.ready()
    const path = join(data, 'mixed.car')
    await writeFile(path, Buffer.concat(sections.flatMap((section) => [Buffer.from([section.length]), section])))
    expect(await fresh.ctl('add', '-Q', '--format', 'car', path)).toMatchObject({ exitCode: 0, stderr: '' })
    for (const [cid, content] of [
      [leaf, 'small file\n'],
      [other, 'abc\n']
    ] as const) {
      expect(await (await fetch(`${fresh.gatewayUrl}/ipfs/${cid.toString()}`)).text()).toBe(content)
    }
    await running.stop()
  })

  it('adds what a URL leads to', async () => {
    expect((await ctl('add', `${url}/x/file.txt?a=1`)).stdout).toMatch(/^added Qm\w+ file\.txt\n$/)
    const added = await ctl('add', '--nocopy', '-Q', `${url}/x/file.txt?a=1`)
    expect(added.stdout).toMatch(/^bafkrei\w+\n$/)
    const content = await fetch(`${peer.gatewayUrl}/ipfs/${added.stdout.trim()}`)
    expect(await content.text()).toBe('from the web\n')
  })

  it('pins nothing of a URL that leads nowhere', async () => {
    const before = (await ctl('pin', 'ls')).stdout
    expect(await ctl('add', '--name', 'nowhere', 'small.txt', `${url}/nope`)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`  Code: 0\n  Message: got non-2XX status code 404: ${url}/nope\n`) as string
    })
    expect((await ctl('pin', 'ls')).stdout).toBe(before)
  })

  it('gives an add up at Ctrl-C: nothing is pinned', async () => {
    const before = (await ctl('pin', 'ls')).stdout
    const ended = Promise.withResolvers<undefined>()
    await using source = await heldUrl('endless', 8_000_000, async () => {
      child.kill('SIGINT')
      await ended.promise
    })
    const host = `/ip4/127.0.0.1/tcp/${peer.restPort.toString()}`
    const child = spawn(execPath, [fromBundle('ctl').file, '--host', host, 'add', '--name', 'endless', source.url])
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>
    ])
    ended.resolve(undefined)
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 125,
      stdout: '',
      stderr: 'error adding: context canceled\n'
    })
    expect((await ctl('pin', 'ls')).stdout).toBe(before)
  })

  it('adds in shards, waits for them, reads them back, and takes all of them away with the root', async () => {
    const args = ['--shard', '--shard-size', '4000000', '--name', 'parts', '--wait', '--wait-timeout', '30s']
    const added = await ctl('add', ...args, 'parts.bin')
    expect(added).toMatchObject({ exitCode: 0, stderr: '' })
    expect(added.stdout).toMatch(/ shard-5\nadded bafyrei\w+ parts-clusterDAG\n$/)
    const root = / (Qm\w+) parts\.bin\n/.exec(added.stdout)?.[1] ?? ''
    const names = async (filter: string): Promise<number> =>
      (await ctl('pin', 'ls', '--filter', filter)).stdout.split('\n').filter((line) => line.includes('| parts')).length
    expect(await Promise.all(['shard-pin', 'clusterdag-pin', 'meta-pin', 'pin'].map(names))).toEqual([6, 1, 1, 0])
    const content = Buffer.from(await (await fetch(`${peer.gatewayUrl}/ipfs/${root}`)).arrayBuffer())
    expect(content.equals(bigFile().reverse())).toBe(true)
    expect((await ctl('pin', 'rm', '--ns', root)).exitCode).toBe(0)
    expect(await names('all')).toBe(0)
  })
})

/** Who holds it differs from machine to machine. */
const plain = (text: string): string => text.replaceAll(/,\n *"allocations": \[[^\]]*\]/g, '')

function bigFile(): Buffer {
  const parts = Array.from({ length: BIG_BYTES / DIGEST_BYTES }, (_, index) => {
    const number = Buffer.alloc(4)
    number.writeUInt32BE(index)
    return createHash('sha256').update(number).digest()
  })
  return Buffer.concat(parts)
}

/** The data that the recording describes. */
async function writeData(folder: string): Promise<void> {
  await mkdir(join(folder, 'folder', 'sub'), { recursive: true })
  await mkdir(join(folder, 'single'))
  await writeFile(join(folder, 'small.txt'), 'small file\n')
  await writeFile(join(folder, 'single', 'abc.txt'), 'abc\n')
  await writeFile(join(folder, 'big.bin'), bigFile())
  await writeFile(join(folder, 'parts.bin'), bigFile().reverse())
  for (const name of ['a.txt', '.hidden', 'sub/b.txt', 'z z.txt']) {
    await writeFile(join(folder, 'folder', name), `content of ${name}\n`)
  }
  await symlink('a.txt', join(folder, 'folder', 'link'))
}
