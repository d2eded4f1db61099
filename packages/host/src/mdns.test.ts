import { multiaddr } from '@multiformats/multiaddr'
import multicastDns, { type ResponsePacket } from 'multicast-dns'
import { readFile } from 'node:fs/promises'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { answer, hostsIn, instanceName, isQuestion, question, serviceName } from './mdns-records.ts'
import { Mdns } from './mdns.ts'

interface Recorded {
  readonly packet: string
  readonly decoded: {
    readonly type: string
    readonly questions: readonly { readonly name: string; readonly type: string }[]
    readonly answers: readonly { readonly data: string }[]
    readonly additionals: readonly { readonly name: string; readonly type: string; readonly data: unknown }[]
  }
}
const file = new URL('../../testing/vectors/rpc/mdns.json', import.meta.url)
const { packets } = JSON.parse(await readFile(file, 'utf8')) as { packets: readonly Recorded[] }
const at = (index: number): Recorded => packets[index] ?? expect.unreachable('no such packet')
const [goQuery, goAnswer, ignored, accepted] = [at(0), at(1), at(2), at(3)]

const running: { stop: () => Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
})

/** Reads packets as another program on this machine does; port 0 picks one that nobody else uses. */
async function listener(): Promise<{ port: number; socket: ReturnType<typeof multicastDns> }> {
  const udp = createSocket({ type: 'udp4', reuseAddr: true })
  udp.bind(0, '0.0.0.0')
  await once(udp, 'listening')
  const { port } = udp.address()
  const socket = multicastDns({ interface: '127.0.0.1', bind: '0.0.0.0', port })
  await once(socket, 'ready')
  udp.close()
  running.push({
    stop: () =>
      new Promise((resolve) => {
        socket.destroy(resolve)
      })
  })
  return { port, socket }
}

function service(
  port: number,
  addresses: readonly string[],
  setup: Partial<ConstructorParameters<typeof Mdns>[0]> = {}
) {
  const mdns = new Mdns({
    addresses: () => addresses.map((address) => multiaddr(address)),
    onFound: () => undefined,
    onTrouble: () => undefined,
    random: Math.random,
    interfaces: () => ['127.0.0.1'],
    port,
    ...setup
  })
  running.push(mdns)
  mdns.start()
  return mdns
}

function plain(record: { name: string; type: string; ttl?: unknown; class?: unknown; data?: unknown }): unknown {
  const { name, type, ttl, data } = record
  const texts = Array.isArray(data) ? data.map((text) => String(text)) : data
  return { name, type, ttl, class: record.class, data: texts }
}

describe('records', () => {
  it('of an answer are those of the Go peer, for the same host', () => {
    const name = goAnswer.decoded.answers[0]?.data ?? ''
    const texts = goAnswer.decoded.additionals.find(({ type }) => type === 'TXT')?.data as string[]
    const addresses = texts.map((text) => multiaddr(text.slice('dnsaddr='.length)))
    const made = answer(name.slice(0, name.indexOf('.')), addresses, '10.99.0.1')
    expect(made?.answers.map(plain)).toEqual(goAnswer.decoded.answers.map((record) => plain(record as never)))
    expect(made?.additionals?.map(plain)).toEqual(goAnswer.decoded.additionals.map((record) => plain(record as never)))
  })

  it('have the structure of an answer that Go accepts, and not of the one that it ignores', () => {
    const address = multiaddr('/ip4/10.99.0.1/tcp/21050/p2p/12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw')
    const made = answer('a'.repeat(40), [address], '10.99.0.1')
    const shape = (records: readonly { name: string; type: string; data?: unknown }[] = []) =>
      records.map(({ name, type, data }) => ({ name, type, data }))
    expect(shape(made?.additionals)).toEqual(shape(accepted.decoded.additionals))
    expect(shape(made?.additionals)).not.toEqual(shape(ignored.decoded.additionals))
  })

  it('of Go are understood, and its question', () => {
    const hosts = hostsIn(goAnswer.decoded as unknown as ResponsePacket)
    expect([...hosts].map(([id, list]) => [id, list.length])).toEqual([
      ['12D3KooWC3tfWrUCNQFnCaz6eKwuFWwRrWLf9r5VgW4m36ym3mfG', 2]
    ])
    expect(isQuestion(goQuery.decoded.questions)).toBe(true)
    expect(isQuestion([{ name: '_http._tcp.local', type: 'PTR' }])).toBe(false)
    expect(question().questions[0]).toEqual(goQuery.decoded.questions[0])
  })

  it('leave out addresses that do not belong there, and names of others', () => {
    const end = '/p2p/12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw'
    const unwanted = ['/ip4/1.2.3.4/tcp/1/ws', '/dns4/example.org/tcp/1', `/ip4/1.2.3.4/tcp/1${end}/p2p-circuit`]
    expect(
      answer(
        'a',
        unwanted.map((address) => multiaddr(address + end)),
        '10.0.0.1'
      )
    ).toBeUndefined()
    const local = answer('a', [multiaddr(`/dns4/box.local/tcp/1${end}`)], '10.0.0.1')
    expect(local?.additionals?.[1]).toHaveProperty('data', [`dnsaddr=/dns4/box.local/tcp/1${end}`])
    const data = [`dnsaddr=/ip4/1.2.3.4/tcp/1${end}`, 'dnsaddr=nonsense', 'dnsaddr=/ip4/1.2.3.4/tcp/1', 'other']
    const record = { type: 'TXT' as const, class: 'IN' as const, ttl: 1, data }
    expect(hostsIn({ answers: [{ ...record, name: '_http._tcp.local' }], additionals: [] }).size).toBe(0)
    const [found] = hostsIn({
      answers: [],
      additionals: [{ ...record, name: `x.${serviceName.toUpperCase()}` }]
    }).values()
    expect(found?.map(String)).toEqual([`/ip4/1.2.3.4/tcp/1${end}`])
  })

  it('carry a name of 32 to 63 letters', () => {
    expect(instanceName(Math.random)).toMatch(/^[0-9a-z]{40}$/)
  })
})

describe('on the network', () => {
  const address = '/ip4/127.0.0.1/tcp/4/p2p/12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw'

  it('a host asks as Go does, tells of itself at once, and answers a question of Go', async () => {
    const { port, socket } = await listener()
    const asked = new Promise((resolve) =>
      socket.once('query', ({ questions }) => {
        resolve(questions)
      })
    )
    const told = once(socket, 'response') as Promise<[ResponsePacket]>
    service(port, [address])
    expect(await asked).toEqual(goQuery.decoded.questions)
    expect([...hostsIn((await told)[0]).keys()]).toEqual(['12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw'])
    const again = once(socket, 'response') as Promise<[ResponsePacket]>
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1', () => {
      udp.setMulticastInterface('127.0.0.1')
      udp.send(Buffer.from(goQuery.packet, 'hex'), port, '224.0.0.251')
    })
    const [{ answers, additionals }] = await again
    udp.close()
    expect(answers?.map(({ type }) => type)).toEqual(['PTR'])
    expect(additionals?.map(({ type }) => type)).toEqual(['SRV', 'TXT', 'A'])
  })

  it('two hosts find each other', async () => {
    const { port } = await listener()
    const other = address
      .replace('tcp/4', 'tcp/5')
      .replace(/12D3.*/, '12D3KooWRndVhVZPCiQwHBBBdg769GyrPUW13zxwqQyf9r3ANaba')
    const find = (own: string): Promise<string> =>
      new Promise((resolve) => {
        service(port, [own], {
          onFound: (id) => {
            if (!own.endsWith(id)) resolve(id)
          }
        })
      })
    const found = await Promise.all([find(address), find(other)])
    expect(found.every((id, index) => [other, address][index]?.endsWith(id))).toBe(true)
  })

  it('trouble is told once, and the host goes on', async () => {
    const reasons: string[] = []
    const told = new Promise<string>((resolve) => {
      service(1, [address], {
        interfaces: () => ['203.0.113.7'],
        onTrouble: (reason) => {
          reasons.push(reason)
          resolve(reason)
        }
      })
    })
    service(1, [address], { interfaces: () => [], onTrouble: (reason) => reasons.push(reason) })
    await told
    expect(reasons).toHaveLength(2)
    expect(reasons).toContain('no supported interface')
  })
})
