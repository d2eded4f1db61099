import { LoneCluster, ManualClock, testContext } from '@cluster/testing'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  timestampFromMs,
  TrackerStatus,
  type Cluster,
  type ComponentContext,
  type GlobalPinInfo,
  type Pages,
  type Timestamp
} from '@cluster/api'
import { Client } from 'undici'
import { pinsvcConfig, type PinsvcConfig } from './config.ts'
import { PinningService } from './pinning-service.ts'

/** An answer with what a test looks at. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: unknown
}

/** One request. */
export interface Question {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A service before a core in memory. */
export class ServiceScene {
  readonly cluster = new LoneCluster()
  readonly clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'))
  readonly service: PinningService
  /** What becomes of pins. */
  pinnedStatus: TrackerStatus = TrackerStatus.pinned
  /** What the IPFS node of the peer says of itself. */
  ipfsAddresses: readonly Multiaddr[] = []
  readonly #clients: Client[] = []

  constructor(config: Partial<PinsvcConfig> = {}, more: Partial<ComponentContext<'api'>> = {}) {
    this.service = new PinningService(
      { ...testContext({ clock: this.clock }), cluster: this.#timed(), ...more },
      { ...pinsvcConfig.defaults, httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')], ...config }
    )
  }

  /** The core gives pins the time of day. */
  #timed(): Cluster {
    const { cluster, clock } = this
    const { pins, statuses, members, content, health } = cluster
    const timestamp = (): Timestamp => timestampFromMs(clock.nowMs())
    return {
      ...{ content, health },
      members: {
        ...members,
        id: async (options) => {
          const id = await members.id(options)
          return { ...id, ipfs: { ...id.ipfs, addresses: this.ipfsAddresses } }
        }
      },
      statuses: {
        ...statuses,
        status: async (cid, options) => this.#seen(await statuses.status(cid, options)),
        statusAll: (filter, options) => this.#allSeen(statuses.statusAll(filter, options))
      },
      pins: { ...pins, pin: (pin, options) => pins.pin({ ...pin, timestamp: timestamp() }, options) }
    }
  }

  #seen(info: GlobalPinInfo): GlobalPinInfo {
    const entries = [...(info.peerMap ?? [])].map(([peer, entry]) => {
      const status = entry.status === TrackerStatus.pinned ? this.pinnedStatus : entry.status
      return [peer, { ...entry, status }] as const
    })
    return { ...info, peerMap: new Map(entries) }
  }

  async *#allSeen(pages: Pages<GlobalPinInfo>): Pages<GlobalPinInfo> {
    for await (const page of pages) yield page.map((info) => this.#seen(info))
  }

  async open(): Promise<void> {
    await this.service.beforeStart()
    await this.service.start()
    const [, port] = this.service.addresses[0]?.getComponents() ?? []
    this.#clients.push(new Client(`http://127.0.0.1:${port?.value ?? ''}`))
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await this.service.stop()
  }

  /** A body that is no text is sent as JSON. */
  async ask(method: string, path: string, { headers = {}, body }: Question = {}): Promise<Answer> {
    const [client] = this.#clients
    if (client === undefined) throw new Error('the scene is not open')
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await client.request({ method, path, headers, body: sent ?? null })
    const text = await answer.body.text()
    const isJson = answer.headers['content-type'] === 'application/json' && text !== ''
    return { status: answer.statusCode, headers: answer.headers, text, json: isJson ? JSON.parse(text) : undefined }
  }
}
