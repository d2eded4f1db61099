import type { Cluster, GlobalRepoGC, IPFSRepoGC } from '@cluster/api'
import { LoneCluster, testContext, type TestContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ipfsProxyConfig, type IpfsProxyConfig } from './config.ts'
import { IpfsProxy } from './ipfs-proxy.ts'

const EXPOSED = 'X-Stream-Output, X-Chunked-Output, X-Content-Length'

/** A daemon that answers as it is told, and otherwise with the headers of Kubo. */
class ScriptedDaemon {
  readonly requests: IncomingMessage[] = []
  readonly #scripts = new Map<string, RequestListener>()
  readonly #server = createServer((request, response) => {
    this.requests.push(request)
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const script = this.#scripts.get(`${request.method ?? ''} ${path}`) ?? this.#scripts.get(path)
    if (script === undefined) answerAsKubo(request, response)
    else script(request, response)
  })

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** @param path - with or without the method in front */
  script(path: string, listener: RequestListener): void {
    this.#scripts.set(path, listener)
  }

  /** What it was asked for, in order, without what the proxy asks for itself. */
  get calls(): readonly string[] {
    return this.requests
      .map(({ method = '', url = '' }) => `${method} ${url}`)
      .filter((call) => !call.startsWith('OPTIONS ') && call !== 'POST /api/v0/version')
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

function answerAsKubo(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' }).end()
    return
  }
  response.writeHead(200, {
    'Content-Type': 'application/json',
    Server: 'kubo/0.44.0',
    'Access-Control-Expose-Headers': EXPOSED
  })
  response.end('{}\n')
}

/** A proxy between a core in memory and a scripted daemon. */
export class ProxyScene {
  readonly cluster = new LoneCluster()
  readonly daemon = new ScriptedDaemon()
  readonly context: TestContext = testContext()
  /** What a collection finds, and why it fails. */
  collected: readonly IPFSRepoGC[] = []
  collectionError = ''
  readonly #proxies: IpfsProxy[] = []

  static async open(): Promise<ProxyScene> {
    const scene = new ProxyScene()
    await scene.daemon.open()
    return scene
  }

  /** Starts a proxy and answers its port. */
  async proxy(config: Partial<IpfsProxyConfig> = {}, more: { ipfsConnector?: string } = {}): Promise<number> {
    const proxy = new IpfsProxy(
      { ...this.context, ...more, cluster: this.#core() },
      {
        ...ipfsProxyConfig.defaults,
        listenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
        nodeMultiaddress: multiaddr(`/ip4/127.0.0.1/tcp/${this.daemon.port}`),
        ...config
      }
    )
    this.#proxies.push(proxy)
    await proxy.beforeStart()
    proxy.start()
    const [, port] = proxy.addresses[0]?.getComponents() ?? []
    return Number(port?.value ?? 0)
  }

  #core(): Cluster {
    const { pins, statuses, members, health, content, self } = this.cluster
    const repoGC = (): Promise<GlobalRepoGC> => {
      const own = { peer: self, peername: 'lone', keys: this.collected, error: this.collectionError }
      return Promise.resolve({ peerMap: new Map([[self.toString(), own]]) })
    }
    return { pins, statuses, members, health, content: { ...content, repoGC } }
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()))
    await this.daemon.close()
  }
}
