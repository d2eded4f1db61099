import { fromBundle, run } from '@cluster/processes'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newSecret, TestCluster } from './test-cluster.ts'

describe('a configuration that is wrong', () => {
  let cluster: TestCluster
  const service = fromBundle('service')

  beforeAll(async () => {
    cluster = await TestCluster.create()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('that is not there: says what to do', async () => {
    const done = await run(service, ['-c', join(cluster.folder, 'nowhere'), 'daemon'])
    expect(done.exitCode).toBe(1)
    expect(done.stderr).toMatch(/\nerror loading configurations: open .*service\.json: no such file.* init" first\n$/)
  })

  it('that is no JSON, or has a value of a wrong kind: names it', async () => {
    const folder = join(cluster.folder, 'wrong')
    await mkdir(folder)
    await writeFile(join(folder, 'service.json'), '{')
    expect((await run(service, ['-c', folder, 'daemon'])).stderr).toMatch(/\nerror loading configurations: .*JSON.*\n$/)
    await writeFile(join(folder, 'service.json'), '{"cluster":{"secret":"xyz"}}')
    const done = await run(service, ['-c', folder, 'daemon'])
    expect(done.exitCode).toBe(1)
    expect(done.stderr).toMatch(
      /\nerror loading configurations: error loading cluster secret from config: .*U\+0078 'x'\n$/
    )
    expect(done.stderr).not.toContain('xyz')
  })

  it('by environment or flag: is refused before anything is written', async () => {
    const folder = join(cluster.folder, 'unwritten')
    const bad = await run(service, ['-c', folder, 'init'], { env: { CLUSTER_MONITORPINGINTERVAL: 'soon' } })
    expect(bad.exitCode).toBe(1)
    expect(bad.stderr).toMatch(/^error saving default configuration: .*monitor_ping_interval.*\n$/)
    const worse = await run(service, ['-c', folder, 'init', '--peers', '/ip4/1.2.3.4/tcp/9096'])
    expect(worse.exitCode).toBe(1)
    expect(worse.stderr).toMatch(/^error parsing peer multiaddress: .*\/p2p\/.*\n$/)
    expect((await run(service, ['-c', folder, 'init', '--consensus', 'none'])).exitCode).toBe(1)
    await expect(readdir(folder)).rejects.toThrow('ENOENT')
  })

  it('asks before it overwrites, and takes silence for no', async () => {
    const peer = await cluster.peer('asked', newSecret())
    const done = await run(service, ['-c', peer.folder, 'init'], { input: '' })
    expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('[y/n]') as string, stderr: '' })
    const yes = await run(service, ['-c', peer.folder, 'init'], { input: 'y\n' })
    expect(yes.stderr).toContain('configuration written to')
    expect(yes.stderr).not.toContain('new identity')
  })

  it('with a port that is taken: names the port', async () => {
    const peer = await cluster.peer('busy', newSecret())
    const server = createServer().listen(peer.restPort, '127.0.0.1')
    await once(server, 'listening')
    const process = peer.start()
    await expect(process.ready()).rejects.toThrow(peer.restPort.toString())
    expect(process.exitCode).toBe(1)
    expect(process.lines.at(-1)).toMatch(/^error starting cluster: .*(EADDRINUSE|in use)/)
    server.close()
  })

  it('that another process uses: says so', async () => {
    const peer = await cluster.peer('twice', newSecret())
    await peer.start().ready()
    const second = peer.start()
    await expect(second.ready()).rejects.toThrow()
    expect(second.exitCode).toBe(1)
    expect(second.lines.at(-1)).toMatch(/^error starting cluster: .*use/)
  })
})
