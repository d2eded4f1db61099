import { createServer } from 'node:net'
import { clusterSection } from '@cluster/config'
import type { BuiltIns } from './peer-config.ts'

/**
 * Overrides for `initFolder` that put every listener of the peer on a port that is free now.
 *
 * @see cli-config.md §2.4
 */
export async function randomPorts(builtIns: BuiltIns): Promise<Record<string, Record<string, unknown>>> {
  const overrides: Record<string, Record<string, unknown>> = {}
  const sections: [string, object][] = [['cluster', clusterSection.save(clusterSection.defaults, 'file')]]
  for (const { kind, name, config } of [...builtIns.api, ...builtIns.ipfs_connector]) {
    sections.push([`${kind}.${name}`, config.save(config.load(undefined, {}, '.'), 'file')])
  }
  for (const [section, json] of sections) {
    for (const [key, value] of Object.entries(json)) {
      if (!key.endsWith('listen_multiaddress')) continue
      overrides[section] = { ...overrides[section], [key]: await withFreePorts(value) }
    }
  }
  return overrides
}

async function withFreePorts(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(withFreePorts))
  if (typeof value !== 'string') return value
  let address = value
  for (const [part, ip = ''] of value.matchAll(/\/ip[46]\/([^/]+)\/(?:tcp|udp)\/\d+/g)) {
    const port = (await freePort(ip)).toString()
    address = address.replace(part, part.replace(/\d+$/, port))
  }
  return address
}

function freePort(host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer()
  server.once('error', reject)
  server.listen(0, host, () => {
    const address = server.address()
    server.close(() => {
      if (typeof address === 'object' && address !== null) resolve(address.port)
      else reject(new Error(`no port of ${host} is free`))
    })
  })
  return promise
}
