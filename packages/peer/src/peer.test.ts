import { createLogging, parseLogLevels } from '@cluster/observability'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtIns } from './built-ins.ts'
import { initFolder } from './init-folder.ts'
import { createPeer, type Peer } from './peer.ts'
import { loadPeerConfig } from './peer-config.ts'

const ANY = '/ip4/127.0.0.1/tcp/0'

describe('a peer', () => {
  let baseDir: string
  const lines: string[] = []

  beforeEach(async () => {
    baseDir = await mkdtemp(join(tmpdir(), 'peer-'))
    lines.length = 0
  })
  afterEach(() => rm(baseDir, { recursive: true }))

  async function make(rest = ANY): Promise<Peer> {
    const overrides = {
      cluster: { listen_multiaddress: ANY, mdns_interval: '0s' },
      'api.restapi': { http_listen_multiaddress: rest },
      'api.ipfsproxy': { listen_multiaddress: ANY },
      'api.pinsvcapi': { http_listen_multiaddress: ANY },
      'ipfs_connector.embedded': { gateway_listen_multiaddress: '' }
    }
    const { servicePath, identity } = await initFolder({
      baseDir,
      builtIns,
      overrides,
      choices: { ipfs_connector: 'embedded' }
    })
    const config = await loadPeerConfig(await readFile(servicePath, 'utf8'), baseDir, {}, builtIns)
    const output = { write: (line: string) => lines.push(line) }
    const logging = createLogging({ levels: parseLogLevels('info'), format: 'nocolor', output })
    return createPeer({ config, identity, logging })
  }

  it('becomes ready, says so, and stops as often as it is told', async () => {
    const peer = await make()
    expect(() => peer.cluster).toThrow('the peer was not started')
    await peer.start()
    await peer.cluster.health.ready({})
    expect(lines.join('')).toContain('** IPFS Cluster is READY **')
    await expect(peer.start()).rejects.toMatchObject({ code: 'STOPPED' })
    await Promise.all([peer.stop(), peer.stop()])
    await peer.done
  })

  it('leaves its folder to the next one', async () => {
    for (let run = 0; run < 2; run++) {
      const peer = await make()
      await peer.start()
      await peer.stop()
    }
  })

  it('that is told to stop while it starts has done as it was told', async () => {
    const peer = await make()
    const started = peer.start()
    const stopped = peer.stop()
    await expect(started).rejects.toMatchObject({ code: 'STOPPED' })
    await stopped
    await peer.done
  })

  it('that cannot listen names the port, and leaves everything closed', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const peer = await make(`/ip4/127.0.0.1/tcp/${port.toString()}`)
    await expect(peer.start()).rejects.toMatchObject({ code: 'BUSY' })
    await expect(peer.done).rejects.toThrow(port.toString())
    server.close()
    const next = await make()
    await next.start()
    await next.stop()
  })
})
