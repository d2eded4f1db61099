import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { answers, blockOf, setUp, texts } from '../kubo.fixture.ts'

describe('the node behind KuboIpfs', () => {
  it('IP-1: says who the daemon is; fails when that is gone', async () => {
    const { kubo, ipfs, context } = await setUp()
    kubo.addresses = [...kubo.addresses, 'nonsense']
    const { id, addresses, error } = await ipfs.id({})
    expect([id?.toString(), addresses?.map(String), error]).toEqual([kubo.id, kubo.addresses.slice(0, 2), ''])
    expect(texts(context.lines)).toEqual(['IPFS has an address that is none: nonsense'])
    const { port } = kubo
    await kubo.close()
    await expect(ipfs.id({})).rejects.toMatchObject({
      code: 'IPFS',
      message: `IPFS request failed (is it running?) (id): connect ECONNREFUSED 127.0.0.1:${port}`
    })
    await kubo.open(port)
  })

  it('IP-9: lists the peers of the daemon in order; none is an empty list', async () => {
    const { kubo, ipfs } = await setUp()
    expect(await ipfs.swarmPeers({})).toEqual([])
    kubo.swarm = [kubo.id, 'QmUZ13osndQ5uL4tPWHXe3iBgBgq9gfewcBMSCAuMBsDJ6']
    expect((await ipfs.swarmPeers({})).map(String)).toEqual(kubo.swarm)
  })

  it('connects the daemon with others one by one, whatever fails', async () => {
    const { kubo, ipfs } = await setUp()
    const [a, b] = [multiaddr('/ip4/192.0.2.1/tcp/4001'), multiaddr('/ip4/192.0.2.2/tcp/4001')]
    kubo.script('swarm/connect', (_request, response, query) => {
      kubo.connected.push(query.get('arg') ?? '')
      response.writeHead(500).end(answers['swarm/connect bad'])
    })
    await ipfs.connectSwarms([a, b], {})
    expect(kubo.connected).toEqual([a.toString(), b.toString()])
  })

  it('IP-13: resolves names and paths through directories', async () => {
    const { kubo, ipfs } = await setUp()
    const { cid } = blockOf('target')
    kubo.script('resolve', (_request, response, query) => {
      expect(query.get('arg')).toBe('/ipns/k51abc/a b')
      response.end(`{"Path":"/ipfs/${cid.toString()}/rest"}`)
    })
    expect((await ipfs.resolve('/ipns/k51abc/a b', {})).toString()).toBe(cid.toString())
    expect(kubo.calls).toEqual(['resolve?arg=%2Fipns%2Fk51abc%2Fa+b'])
    kubo.script('resolve', undefined)
    await expect(ipfs.resolve(`${cid.toString()}/nope`, {})).rejects.toThrow(
      /Code: 500\. Message: no link named "nope"/
    )
    kubo.script('resolve', (_request, response) => {
      response.end('{"Path":"/ipns/k51abc"}')
    })
    await expect(ipfs.resolve('/ipns/other', {})).rejects.toMatchObject({ code: 'IPFS' })
  })

  it('IP-12: tells sizes beyond 2^53', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('repo/stat', (_request, response) => {
      response.end('{"RepoSize":18446744073709551615,"StorageMax":10000000000}')
    })
    expect(await ipfs.repoStat({})).toEqual({ repoSize: 18_446_744_073_709_551_615n, storageMax: 10_000_000_000n })
    expect(kubo.calls).toEqual(['repo/stat?size-only=true'])
  })

  it('IP-14: reads the configuration, two levels deep', async () => {
    const { ipfs } = await setUp()
    expect(await ipfs.configKey('Datastore/StorageMax', {})).toBe('10G')
    expect(await ipfs.configKey('Datastore', {})).toEqual({ StorageMax: '10G', GCPeriod: '1h' })
    await expect(ipfs.configKey('', {})).rejects.toThrow('key not found in configuration')
    await expect(ipfs.configKey('Datastore/abc', {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const tooDeep = ipfs.configKey('Datastore/StorageMax/x', {})
    await expect(tooDeep).rejects.toThrow('key not found in configuration')
  })
})
