import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pinOf } from '@cluster/api'
import { parseMultiaddr } from '@cluster/config'
import { blockNodes, FakeKubo, ipfsConnectorConformance } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { addressOf, answers, blockOf, connect, setUp, texts, until } from './kubo.fixture.ts'

ipfsConnectorConformance('ipfshttp', async () => {
  const kubo = await FakeKubo.listen(answers)
  const { ipfs, context } = connect(addressOf(kubo))
  return {
    connector: ipfs,
    pinsByEncoding: true,
    provide: (blocks) => {
      kubo.provide(blocks)
      return Promise.resolve()
    },
    close: async () => {
      expect(context.clock.pending).toBe(0)
      await kubo.close()
    }
  }
})

describe('KuboIpfs', () => {
  it('counts pins, requests with blocks, and what failed', async () => {
    const { kubo, ipfs, metrics } = await setUp()
    const counted = async () =>
      Object.fromEntries(Object.entries(await metrics.read()).map(([name, value]) => [name.slice(12), value]))
    const zero = {
      pins_ipfs_pins: 0,
      pins_pin_add: 0,
      pins_pin_add_errors: 0,
      blocks_put: 0,
      blocks_put_errors: 0,
      blocks_added: 0,
      blocks_added_size: 0
    }
    expect(await counted()).toEqual(zero)
    const [a, b] = [blockOf('a'), blockOf('bb')]
    await ipfs.blockStream(blockNodes(a, b), {})
    await ipfs.pin(pinOf(a.cid), {})
    await ipfs.pin(pinOf(a.cid), {}) // there already
    await ipfs.pin(pinOf(b.cid), {})
    const added = { ipfs_up: 1, blocks_put: 1, blocks_added: 2, blocks_added_size: 3 }
    expect(await counted()).toEqual({ ...zero, ...added, pins_ipfs_pins: 2, pins_pin_add: 2 })
    await ipfs.unpin(a.cid, {})
    await ipfs.unpin(a.cid, {}) // nothing to do
    kubo.script('pin/add', (_request, response) => {
      response.end('{"Progress":1}')
    })
    kubo.script('block/put', (_request, response) => {
      response.writeHead(500).end()
    })
    await expect(ipfs.pin(pinOf(a.cid), {})).rejects.toMatchObject({ code: 'IPFS' })
    await expect(ipfs.blockStream(blockNodes(a), {})).rejects.toMatchObject({ code: 'IPFS' })
    expect(await counted()).toMatchObject({ pins_ipfs_pins: 1, pins_pin_add: 3, pins_pin_add_errors: 1 })
    expect(await counted()).toMatchObject({ blocks_put: 2, blocks_put_errors: 1 })
    metrics.registerMetric('ipfscluster_pins_ipfs_pins').update(7)
    await Array.fromAsync(ipfs.pinLs(['recursive', 'direct'], {}))
    expect((await counted())['pins_ipfs_pins']).toBe(1)
  })

  it('does not ask for what is known to be absent, and pins it though it is there', async () => {
    const { kubo, ipfs } = await setUp()
    const a = blockOf('a')
    await ipfs.blockStream(blockNodes(a), {})
    for (let round = 0; round < 2; round++) {
      kubo.calls.length = 0
      await ipfs.pin(pinOf(a.cid), { isKnownAbsent: true })
      expect(kubo.calls.map((call) => call.split('?')[0])).toEqual(['pin/add'])
    }
    kubo.calls.length = 0
    await ipfs.pin(pinOf(a.cid), {})
    expect(kubo.calls.map((call) => call.split('?')[0])).toEqual(['pin/ls'])
  })

  it('asks for metrics after as many pins, adds and collections as told', async () => {
    const { kubo, ipfs } = await setUp({ informerTriggerInterval: 2 })
    let due = 0
    ipfs.addEventListener('informers:due', () => (due += 1))
    const [a, b] = [blockOf('a'), blockOf('b')]
    kubo.provide([a])
    await ipfs.pin(pinOf(a.cid), {})
    expect(due).toBe(1)
    await ipfs.pin(pinOf(a.cid), {}) // there already: nothing to count
    await ipfs.blockStream(blockNodes(b), {})
    expect(due).toBe(1)
    await Array.fromAsync(ipfs.repoGC({}))
    expect(due).toBe(2)
  })

  it('shows its credentials', async () => {
    const { kubo, ipfs } = await setUp({ authorization: 'bearer:secret' })
    await ipfs.id({})
    expect(kubo.headers.authorization).toBe('Bearer secret')
  })

  it('speaks over a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kubo-socket-'))
    const path = join(folder, 'api.sock')
    const kubo = await FakeKubo.listen(answers, path)
    const { ipfs } = connect(parseMultiaddr(`/unix${path}`))
    expect((await ipfs.id({})).id?.toString()).toBe(kubo.id)
    expect(kubo.headers.host).toBe('ipfs')
    await ipfs.stop()
    await kubo.close()
    await rm(folder, { recursive: true })
  })
})

describe('the life of KuboIpfs', () => {
  it('asks every second until the daemon answers, and warns every tenth time', async () => {
    const { kubo, ipfs, context, clock } = await setUp()
    const { port } = kubo
    await kubo.close()
    ipfs.start()
    let isReady = false
    const ready = ipfs.ready({}).then(() => (isReady = true))
    for (let second = 0; second < 10; second++) {
      await until(() => clock.pending === 1 && clock.nextMs === clock.nowMs() + 1000)
      await clock.advance(1000)
    }
    await until(() => context.lines.length === 3)
    expect(texts(context.lines)).toEqual([
      `waiting for the IPFS daemon at /ip4/127.0.0.1/tcp/${port}`,
      `IPFS does not answer, calls fail until it does: connect ECONNREFUSED 127.0.0.1:${port}`,
      'ipfs does not seem to be available after 10 retries'
    ])
    expect(isReady).toBe(false)
    await kubo.open(port)
    await until(() => clock.pending === 1)
    await clock.advance(1000)
    await ready
  })

  it('has the daemons connected after a while, and again when the daemon came back', async () => {
    const { kubo, ipfs, clock } = await setUp({ connectSwarmsDelayMs: 30_000 })
    let due = 0
    ipfs.addEventListener('swarms:due', () => (due += 1))
    ipfs.start()
    await ipfs.ready({})
    await clock.advance(29_999)
    expect(due).toBe(0)
    await clock.advance(1)
    expect(due).toBe(1)
    await ipfs.id({})
    expect(clock.pending).toBe(0)
    const { port } = kubo
    await kubo.close()
    await expect(ipfs.id({})).rejects.toThrow()
    await kubo.open(port)
    await clock.advance(1000) // it asks by itself
    await until(() => clock.nextMs === clock.nowMs() + 30_000)
    await clock.advance(30_000)
    expect(due).toBe(2)
  })

  it('IP-8: takes no calls once it is stopped, and never gets ready', async () => {
    const { ipfs } = await setUp()
    const waiting = expect(ipfs.ready({})).rejects.toMatchObject({ code: 'STOPPED' })
    await ipfs.stop()
    await waiting
    ipfs.start()
    await expect(ipfs.id({})).rejects.toMatchObject({ code: 'STOPPED' })
    await expect(Array.fromAsync(ipfs.pinLs(['recursive'], {}))).rejects.toMatchObject({ code: 'STOPPED' })
  })
})
