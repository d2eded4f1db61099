import { memoryLogger } from '@cluster/testing'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { metricsConfig, MetricsEndpoint } from './metrics-component.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
const configFor = (port: number) =>
  metricsConfig.load({ enable_stats: true, prometheus_endpoint: `/ip4/127.0.0.1/tcp/${port.toString()}` }, {}, '.')

describe('the endpoint for Prometheus', () => {
  it('shows what was counted, and nothing else', async () => {
    const port = await freePort()
    const endpoint = new MetricsEndpoint({ log: memoryLogger() }, configFor(port))
    endpoint.metrics?.registerMetric('ipfscluster_pins', { help: 'Total number of cluster pins' }).update(3)
    await endpoint.beforeStart()
    const response = await fetch(`http://127.0.0.1:${port.toString()}/metrics`)
    const text = await response.text()
    expect(response.headers.get('content-type')).toContain('text/plain')
    expect(text).toContain(
      '# HELP ipfscluster_pins Total number of cluster pins\n# TYPE ipfscluster_pins gauge\nipfscluster_pins 3\n'
    )
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds']) {
      expect(text).toContain(name)
    }
    expect((await fetch(`http://127.0.0.1:${port.toString()}/other`)).status).toBe(404)
    await endpoint.stop()
    await expect(fetch(`http://127.0.0.1:${port.toString()}/metrics`)).rejects.toThrow()
  })

  it('is not there unless it was asked for', async () => {
    const endpoint = new MetricsEndpoint({ log: memoryLogger() }, metricsConfig.load(undefined, {}, '.'))
    await endpoint.beforeStart()
    expect(endpoint.metrics).toBeUndefined()
    await endpoint.stop()
  })

  it('says which address is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const endpoint = new MetricsEndpoint({ log: memoryLogger() }, configFor(port))
    await expect(endpoint.beforeStart()).rejects.toMatchObject({ code: 'BUSY' })
    await expect(endpoint.beforeStart()).rejects.toThrow(port.toString())
    server.close()
  })

  it.each([
    [
      { enable_stats: true, prometheus_endpoint: '' },
      'loadMetricsOptions: PrometheusEndpoint multiaddr: failed to parse multiaddr "": empty multiaddr'
    ],
    [{ prometheus_endpoint: 'x' }, 'loadMetricsOptions: PrometheusEndpoint multiaddr: '],
    [{ enable_stats: true, prometheus_endpoint: '/ip4/1.2.3.4/udp/1' }, 'expected an address with /tcp']
  ])('refuses %j', (json, message) => {
    expect(() => metricsConfig.load(json, {}, '.')).toThrow(message)
  })
})
