import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

describe('the allocator swapped by one line', () => {
  let cluster: TestCluster
  const peers: TestPeer[] = []

  /** Puts another allocator into the peer's configuration. */
  async function swap(peer: TestPeer, allocator: object): Promise<void> {
    const path = join(peer.folder, 'service.json')
    const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify({ ...json, allocator }))
  }

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const secret = newSecret()
    for (const name of ['one', 'two', 'three']) peers.push(await cluster.peer(name, secret))
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('is loaded from a package outside the workspace, and decides', async () => {
    const [first, ...others] = peers
    if (first === undefined) return expect.unreachable('no peer')
    const modules = join(first.folder, 'node_modules')
    await mkdir(modules)
    await cp(fileURLToPath(new URL('../swapped-allocator', import.meta.url)), join(modules, 'swapped-allocator'), {
      recursive: true
    })
    await swap(first, { 'swapped-allocator': { reversed: true } })
    const running = [first.start(), ...others.map((peer) => peer.start('-j', first.address))]
    await Promise.all(running.map((process) => process.ready()))
    expect(running[0]?.lines.join('\n')).toContain('swapped allocator, reversed: true')
    await eventually(
      () => first.ctl('peers', 'ls'),
      ({ stdout }) => stdout.match(/Sees 2 other peers/g)?.length === 3
    )
    const file = join(cluster.folder, 'hello.txt')
    await writeFile(file, 'hello')
    const added = await eventually(
      () => first.ctl('add', '--quieter', '--rmin', '1', '--rmax', '1', file),
      ({ exitCode }) => exitCode === 0
    )
    const last =
      peers
        .map(({ id }) => id)
        .sort()
        .at(-1) ?? ''
    expect((await first.ctl('pin', 'ls', added.stdout.trim())).stdout).toContain(`Allocations: [${last}]`)
  })

  it.each([
    ['a module that is not there', { './not-there.js': {} }, 'allocator "./not-there.js": no such module'],
    ['a module that does not parse', { './broken.js': {} }, 'allocator "./broken.js": does not load: '],
    ['a component of another kind', { './informer.js': {} }, 'is a component of kind informer, not allocator'],
    ['something else', { './number.js': {} }, 'its default export describes no component'],
    ['two at once', { balanced: {}, './informer2.js': {} }, 'allocator']
  ])('refuses %s with one line', async (_, allocator, message) => {
    const peer = await cluster.peer(`bad-${Object.keys(allocator)[0]?.replace(/\W/g, '') ?? ''}`, newSecret())
    await writeFile(join(peer.folder, 'broken.js'), 'export default {')
    await writeFile(join(peer.folder, 'number.js'), 'export default 7')
    const descriptor = 'port: 1, name: "x", config: { env: "X", load() {}, save() {}, describe() {} }, create() {}'
    await writeFile(join(peer.folder, 'informer.js'), `export default { kind: "informer", ${descriptor} }`)
    await writeFile(join(peer.folder, 'informer2.js'), `export default { kind: "allocator", ${descriptor} }`)
    await writeFile(join(peer.folder, 'package.json'), '{"type":"module"}')
    await swap(peer, allocator)
    const process = peer.start()
    await expect(process.ready()).rejects.toThrow(message)
    expect(process.exitCode).toBe(1)
    const errors = process.lines.filter((line) => !/\t(INFO|WARN)\t/.test(line))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/^error loading configurations: /)
  })
})
