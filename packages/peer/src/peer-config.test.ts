import { PORT_VERSION, type ComponentDescriptor, type Kind } from '@cluster/api'
import { clusterSection } from '@cluster/config'
import { describe, expect, it } from 'vitest'
import { builtIns as real } from './built-ins.ts'
import { displayConfig, loadPeerConfig, type BuiltIns } from './peer-config.ts'

function descriptor(kind: Kind, name: string): ComponentDescriptor {
  const config = { env: 'X', load: (json: unknown) => json, save: () => ({}), describe: () => [] }
  return { port: PORT_VERSION, kind, name, config, create: () => ({}) }
}

const builtIns: BuiltIns = {
  observations: [descriptor('observations', 'metrics')],
  datastore: [descriptor('datastore', 'leveldb')],
  exchange: [descriptor('exchange', 'bitswap')],
  monitor: [descriptor('monitor', 'pubsubmon')],
  ipfs_connector: [descriptor('ipfs_connector', 'embedded')],
  consensus: [descriptor('consensus', 'crdt')],
  pin_tracker: [descriptor('pin_tracker', 'stateless')],
  informer: [descriptor('informer', 'disk'), descriptor('informer', 'tags')],
  allocator: [descriptor('allocator', 'balanced')],
  adder: [descriptor('adder', 'unixfs')],
  api: [descriptor('api', 'ipfsproxy'), descriptor('api', 'restapi')]
}

const whole = {
  cluster: clusterSection.save(clusterSection.defaults, 'file'),
  consensus: { crdt: { cluster_name: 'x' } },
  datastore: { leveldb: {} }
}
const load = (change: object) => loadPeerConfig(JSON.stringify({ ...whole, ...change }), '.', {}, builtIns)

describe('the configuration of a peer', () => {
  it('hands each component its entry, and takes the built-in where it may be silent', async () => {
    const { components, warnings } = await load({ informer: { tags: { a: 1 }, disk: {} } })
    const names = (kind: Kind): string[] => components[kind].map((component) => component.descriptor.name)
    expect(components.consensus[0]?.config).toEqual({ cluster_name: 'x' })
    expect(names('informer')).toEqual(['disk', 'tags'])
    expect(names('allocator')).toEqual(['balanced'])
    expect(components.allocator[0]?.config).toBeUndefined()
    expect([...names('exchange'), ...names('adder')]).toEqual(['bitswap', 'unixfs'])
    expect(names('api')).toEqual([])
    expect(names('observations')).toEqual(['metrics'])
    expect(warnings).toEqual([])
  })

  it('ignores an old name beside one that is known, with a warning', async () => {
    const { components, warnings } = await load({ monitor: { monbasic: {}, pubsubmon: {} } })
    expect(components.monitor.map(({ descriptor }) => descriptor.name)).toEqual(['pubsubmon'])
    expect(warnings).toEqual(['monitor: unknown components are ignored: monbasic'])
  })

  it('is shown whole, without its secrets', async () => {
    const cluster = { ...whole.cluster, secret: 'ab'.repeat(32) }
    const api = { restapi: { basic_auth_credentials: { bob: 'hunter2' } } }
    const text = JSON.stringify({ ...whole, cluster, api })
    const shown = displayConfig(await loadPeerConfig(text, '.', {}, real))
    expect(shown).not.toMatch(/abab|bob|hunter2/)
    expect(JSON.parse(shown)).toMatchObject({
      cluster: { secret: 'XXX_hidden_XXX', follower_mode: false },
      api: { restapi: { basic_auth_credentials: 'XXX_hidden_XXX', private_key: 'XXX_hidden_XXX', ssl_cert_file: '' } },
      datastore: { leveldb: { folder: 'leveldb' } }
    })
  })

  it('ignores unknown APIs and informers with one warning', async () => {
    const { components, warnings } = await load({ api: { restapi: {}, nosuchapi: {}, another: {} } })
    expect(components.api).toHaveLength(1)
    expect(warnings).toEqual(['api: unknown components are ignored: nosuchapi, another'])
  })

  it.each([
    [{ consensus: {} }, 'could not determine the consensus component: add one entry to consensus (crdt)'],
    [{ datastore: undefined }, 'unknown datastore: add one entry to datastore (leveldb)'],
    [
      { datastore: { leveldb: {}, pebble: {} } },
      'unknown datastore: datastore: expected exactly one entry, found leveldb'
    ],
    [{ datastore: { other: {} } }, 'datastore: there is no component "other" here; built in: leveldb'],
    [{ datastore: { pebble: {} } }, 'datastore: pebble can be read by the Go program only'],
    [{ monitor: { monbasic: {} } }, 'monitor: there is no component "monbasic" here; built in: pubsubmon'],
    [{ cluster: undefined }, 'cluster section failed to validate: cluster.listen_multiaddress is undefined'],
    [{ cluster: { peername: 7 } }, 'error parsing cluster.peername'],
    [{ source: 'http://example.com' }, 'source: fetching http://example.com is not supported']
  ])('refuses %j', async (change, message) => {
    await expect(load(change)).rejects.toThrow(message)
    await expect(load(change)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
