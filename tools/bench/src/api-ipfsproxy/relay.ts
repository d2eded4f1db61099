import { IpfsProxy, ipfsProxyConfig } from '@cluster/api-ipfsproxy'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { createInterface } from 'node:readline'

/**
 * A process of its own between a client and a daemon: the proxy, or two sockets joined by `pipeline`. It says its port
 * in one line, and ends with its standard input.
 */
const [kind = '', daemonPort = ''] = process.argv.slice(2)

if (kind === 'proxy') {
  const loopback = (port: string) => multiaddr(`/ip4/127.0.0.1/tcp/${port}`)
  const proxy = new IpfsProxy(
    { ...testContext(), cluster: new LoneCluster() },
    {
      ...ipfsProxyConfig.defaults,
      listenMultiaddress: [loopback('0')],
      nodeMultiaddress: loopback(daemonPort)
    }
  )
  await proxy.beforeStart()
  proxy.start()
  process.stdout.write(`${proxy.addresses[0]?.getComponents()[1]?.value ?? ''}\n`)
  await once(createInterface({ input: process.stdin }), 'close')
  await proxy.stop()
} else {
  const server = createServer((client) => {
    const daemon = connect(Number(daemonPort), '127.0.0.1')
    pipeline(client, daemon, () => undefined)
    pipeline(daemon, client, () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.stdout.write(`${String((server.address() as AddressInfo).port)}\n`)
  await once(createInterface({ input: process.stdin }), 'close')
  server.close()
}
