import { IPFSPinStatus, pinOf, PinMode, type Pin } from '@cluster/api'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { answers, blockOf, setUp, until } from '../kubo.fixture.ts'

describe('pins of KuboIpfs', () => {
  it('IP-2: connects with the origins of a pin, ten at most, and pins it', async () => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('with origins')
    kubo.provide([block])
    const origins = Array.from({ length: 12 }, (_, n) => multiaddr(`/ip4/192.0.2.${n + 1}/tcp/4001`))
    const connected = Promise.withResolvers<undefined>()
    kubo.script('swarm/connect', (_request, response, query) => {
      kubo.connected.push(query.get('arg') ?? '')
      if (kubo.connected.length === 10) connected.resolve(undefined)
      response.writeHead(500).end('{"Message":"failure: dial backoff","Code":0,"Type":"error"}')
    })
    kubo.script('pin/add', (_request, response) => {
      void connected.promise.then(() => {
        kubo.pins.set(block.cid.toString(), 'recursive')
        response.end(`{"Pins":["${block.cid.toString()}"]}\n`)
      })
    })
    await ipfs.pin(pinOf(block.cid, { origins }), {})
    expect([...kubo.connected].sort()).toEqual(origins.slice(0, 10).map(String).sort())
    expect(kubo.calls.find((call) => call.startsWith('swarm'))).toMatch(/^swarm\/connect\?arg=%2Fip4%2F192/)
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.recursive)
  })

  it('stops connecting with origins once the pin is done', async () => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('elsewhere')
    kubo.provide([block])
    const gone = Promise.withResolvers<undefined>()
    kubo.script('swarm/connect', (_request, response) => {
      response.on('close', () => {
        gone.resolve(undefined)
      })
    })
    await ipfs.pin(pinOf(block.cid, { origins: [multiaddr('/ip4/192.0.2.1/tcp/4001')] }), {})
    await gone.promise
  })

  it('IP-2: fails a pin without progress for pin_timeout, not one that advances', async () => {
    const { kubo, ipfs, clock } = await setUp({ pinTimeoutMs: 5000 })
    const { cid } = blockOf('slow')
    const progress: number[] = []
    const pinning = ipfs.pin(pinOf(cid), { onProgress: (nodes) => progress.push(nodes) })
    const failed = expect(pinning).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'pin operation timed out: no progress for 5s'
    })
    let say: ((nodes: number) => void) | undefined
    kubo.script('pin/add', (_request, response) => {
      say = (nodes) => response.write(`{"Progress":${nodes}}\n`)
    })
    await until(() => say !== undefined)
    for (const nodes of [1, 2, 3]) {
      await clock.advance(4000)
      say?.(nodes)
      await until(() => progress.length === nodes)
    }
    say?.(3) // no progress
    await clock.advance(4999)
    expect(progress).toEqual([1, 2, 3])
    await clock.advance(5001)
    await failed
  })

  it('IP-3: makes a pin out of the one that it follows up, when that is there', async () => {
    const { kubo, ipfs } = await setUp()
    const [a, b] = [blockOf('a'), blockOf('b')]
    kubo.provide([a, b])
    const count = (call: string): number => kubo.calls.filter((made) => made.startsWith(call)).length
    await ipfs.pin(pinOf(a.cid, { pinUpdate: a.cid }), {})
    expect([count('pin/add'), count('pin/update')]).toEqual([1, 0])
    await ipfs.pin(pinOf(a.cid, { pinUpdate: a.cid }), {})
    expect([count('pin/add'), count('pin/update')]).toEqual([1, 0])
    await ipfs.pin(pinOf(b.cid, { pinUpdate: a.cid }), {})
    expect([count('pin/add'), count('pin/update')]).toEqual([1, 1])
    expect(kubo.calls).toContain(`pin/update?arg=${a.cid.toString()}&arg=${b.cid.toString()}&unpin=false`)
    expect(kubo.pins.get(b.cid.toString())).toBe('recursive')
  })

  it('pins anew when the older version went away in between', async () => {
    const { kubo, ipfs } = await setUp()
    const [a, b] = [blockOf('a'), blockOf('b')]
    kubo.provide([a, b])
    await ipfs.pin(pinOf(a.cid), {})
    kubo.script('pin/update', (_request, response) => {
      response.writeHead(500).end(answers['pin/update from not pinned'])
    })
    await ipfs.pin(pinOf(b.cid, { pinUpdate: a.cid }), {})
    expect(kubo.pins.get(b.cid.toString())).toBe('recursive')
  })

  it.each<[string, Partial<Pin>, string, string]>([
    ['recursive', {}, 'recursive=true&progress=true', 'type=recursive'],
    ['direct', { mode: PinMode.direct, maxDepth: 0 }, 'recursive=false&progress=true', 'type=direct'],
    ['shard', { maxDepth: 1 }, 'max-depth=1&recursive=true&progress=true', 'type=recursive']
  ])('asks for a %s pin as the reference does', async (_name, change, query, type) => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('x')
    kubo.provide([block])
    await ipfs.pin({ ...pinOf(block.cid), ...change }, {})
    expect(kubo.calls[0]).toBe(`pin/ls?stream=true&arg=${block.cid.toString()}&${type}`)
    expect(kubo.calls.at(-1)).toBe(`pin/add?arg=${block.cid.toString()}&${query}`)
    expect(kubo.headers['content-type']).toBeUndefined()
  })

  it('takes a recursive pin that came in between for the direct one', async () => {
    const { kubo, ipfs } = await setUp()
    const { cid } = blockOf('x')
    kubo.script('pin/add', (_request, response) => {
      response.writeHead(500).end(answers['pin/add direct of a recursive pin'])
    })
    await ipfs.pin(pinOf(cid, { mode: PinMode.direct }), {})
  })

  it('IP-5: refuses to unpin when told so, and pins', async () => {
    const { kubo, ipfs } = await setUp({ unpinDisable: true })
    const block = blockOf('stays')
    kubo.provide([block])
    await ipfs.pin(pinOf(block.cid), {})
    await expect(ipfs.unpin(block.cid, {})).rejects.toThrow(
      'ipfs unpinning is disallowed by configuration on this peer'
    )
    expect(kubo.pins.size).toBe(1)
  })

  it('tells Kubo the names of pins when it is told to, as much of them as Kubo takes', async () => {
    const { kubo, ipfs } = await setUp({ pinNames: true })
    const [a, b, c] = [blockOf('a'), blockOf('b'), blockOf('c')]
    kubo.provide([a, b, c])
    await ipfs.pin(pinOf(a.cid, { name: 'a & b' }), {})
    expect(kubo.calls.at(-1)).toMatch(/&recursive=true&progress=true&name=a\+%26\+b$/)
    await ipfs.pin(pinOf(b.cid, { name: `${'x'.repeat(254)}é`, pinUpdate: a.cid }), {})
    expect(kubo.calls.some((call) => call.startsWith('pin/update'))).toBe(true)
    await ipfs.pin(pinOf(c.cid), {})
    expect(kubo.calls.at(-1)).toMatch(/&progress=true$/)
    const names = [...kubo.names].map(([cid, name]) => [cid, name.length])
    expect(names).toEqual([
      [a.cid.toString(), 5],
      [b.cid.toString(), 254]
    ])
  })

  it('tells how many nodes and bytes have come', async () => {
    const { kubo, ipfs } = await setUp()
    const block = blockOf('ten bytes.')
    kubo.provide([block])
    const heard: unknown[] = []
    await ipfs.pin(pinOf(block.cid), { onProgress: (nodes, bytes) => heard.push([nodes, bytes]) })
    expect(heard).toEqual([[1, 10]])
  })
})
