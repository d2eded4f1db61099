import { clusterSection, createIdentity } from '@cluster/config'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtIns } from './built-ins.ts'
import { initFolder } from './init-folder.ts'
import { loadPeerConfig } from './peer-config.ts'
import { randomPorts } from './random-ports.ts'

/** The entries of a `service.json` by section and key. */
function sectionsOf(json: unknown): Map<string, unknown> {
  const sections = Object.entries(json as Record<string, Record<string, unknown>>)
  return new Map(sections.flatMap(([name, section]) => Object.entries(section).map(([k, v]) => [`${name}.${k}`, v])))
}

describe('init', () => {
  let root: string

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'init-'))
  })
  afterAll(() => rm(root, { recursive: true }))

  it('writes a folder that loads, that only its owner can read, with a secret of its own', async () => {
    const baseDir = join(root, 'new')
    const done = await initFolder({ baseDir, builtIns })
    expect((await stat(done.servicePath)).mode & 0o777).toBe(0o600)
    expect((await stat(done.identityPath)).mode & 0o777).toBe(0o600)
    expect((await stat(baseDir)).mode & 0o777).toBe(0o700)
    expect(await readFile(done.peerstorePath, 'utf8')).toBe('')
    const config = await loadPeerConfig(await readFile(done.servicePath, 'utf8'), baseDir, {}, builtIns)
    expect(config.cluster.secret).toHaveLength(32)
    expect(config.components.consensus[0]?.descriptor.name).toBe('crdt')
    expect(config.components.api[0]?.descriptor.name).toBe('restapi')
    expect(config.warnings).toEqual([])
    expect(await readdir(baseDir)).toEqual(['identity.json', 'peerstore', 'service.json'])
  })

  it('keeps an identity that is there, and makes a new secret', async () => {
    const baseDir = join(root, 'again')
    const first = await initFolder({ baseDir, builtIns })
    const before = await readFile(first.servicePath, 'utf8')
    const second = await initFolder({ baseDir, builtIns })
    expect(second.newIdentity).toBe(false)
    expect(second.identity.id.equals(first.identity.id)).toBe(true)
    expect(await readFile(second.servicePath, 'utf8')).not.toBe(before)
  })

  it('trusts the peers that it is told of, and knows their addresses', async () => {
    const { id } = await createIdentity()
    const address = `/ip4/192.0.2.1/tcp/9096/p2p/${id.toString()}`
    const done = await initFolder({ baseDir: join(root, 'peers'), builtIns, peers: [{ id, address }] })
    expect(await readFile(done.peerstorePath, 'utf8')).toBe(`${address}\n`)
    const json = JSON.parse(await readFile(done.servicePath, 'utf8')) as {
      consensus: { crdt: { trusted_peers: string[] } }
    }
    expect(json.consensus.crdt.trusted_peers).toEqual([id.toString()])
  })

  it('writes what the environment says', async () => {
    const env = { CLUSTER_SECRET: 'ab'.repeat(32), CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS: '/ip4/127.0.0.1/tcp/1' }
    const done = await initFolder({ baseDir: join(root, 'env'), builtIns, env })
    const text = await readFile(done.servicePath, 'utf8')
    expect(text).toContain(`"secret": "${'ab'.repeat(32)}"`)
    expect(text).toContain('"http_listen_multiaddress": "/ip4/127.0.0.1/tcp/1"')
  })

  it('puts listeners on free ports when asked', async () => {
    const overrides = await randomPorts(builtIns)
    const ports = JSON.stringify(overrides).match(/\/tcp\/\d+/g) ?? []
    expect(Object.keys(overrides)).toEqual(
      expect.arrayContaining(['cluster', 'api.restapi', 'ipfs_connector.embedded'])
    )
    expect(new Set(ports).size).toBe(ports.length)
    expect(ports).not.toContain('/tcp/9096')
    const listen = clusterSection.load(
      { ...clusterSection.save(clusterSection.defaults, 'file'), ...overrides['cluster'] },
      {},
      '.'
    )
    expect(listen.listenMultiaddress).toHaveLength(2)
  })

  it('writes what the reference writes, but for what is not built here', async () => {
    const recorded = new URL('../../testing/vectors/cli/init/crdt-leveldb.service.json', import.meta.url)
    const theirs = sectionsOf(JSON.parse(await readFile(recorded, 'utf8')))
    const done = await initFolder({ baseDir: join(root, 'reference'), builtIns })
    const ours = sectionsOf(JSON.parse(await readFile(done.servicePath, 'utf8')))
    // a name and a secret of its own
    const different = ['cluster.peername', 'cluster.secret']
    for (const [key, value] of ours) {
      if (!different.includes(key)) expect({ [key]: value }).toEqual({ [key]: theirs.get(key) })
    }
    const missing = [...theirs.keys()].filter((key) => !ours.has(key))
    const notBuilt = ['observations.metrics', 'observations.tracing']
    expect(missing.filter((key) => !notBuilt.includes(key))).toEqual([])
  })

  it.each([
    [{ secret: 'short' }, 'error parsing user-provided secret'],
    [{ choices: { consensus: 'none' } }, 'consensus: there is no component "none"; choose crdt'],
    [{ env: { CLUSTER_DISK_METRICTTL: 'soon' } }, 'disk.metric_ttl']
  ])('writes nothing when something is wrong: %j', async (change, message) => {
    const baseDir = join(root, 'wrong')
    await expect(initFolder({ baseDir, builtIns, ...change })).rejects.toThrow(message)
    await expect(readdir(baseDir)).rejects.toThrow('ENOENT')
  })
})
