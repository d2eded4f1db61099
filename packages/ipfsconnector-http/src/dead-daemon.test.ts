import { IPFSPinStatus, isClusterError, pinOf } from '@cluster/api'
import { describe, expect, it } from 'vitest'
import type { KuboIpfs } from './kubo-ipfs.ts'
import { blockOf, setUp, until } from './kubo.fixture.ts'

const { cid } = blockOf('x')

describe('a daemon that is dead', () => {
  it('fails calls at once after ten failures, tries once a second, and comes back', async () => {
    const { kubo, ipfs, clock, context } = await setUp()
    let isDead = true
    kubo.script('id', (request, response) => {
      if (isDead) request.socket.destroy()
      else response.end(JSON.stringify({ ID: kubo.id }))
    })
    const asked = (): number => kubo.calls.length
    for (let n = 0; n < 10; n++) await expect(ipfs.id({})).rejects.toMatchObject({ code: 'IPFS' })
    expect(asked()).toBe(10)
    await expect(ipfs.id({})).rejects.toThrow() // the first trial
    expect(asked()).toBe(11)
    await expect(ipfs.id({})).rejects.toThrow(/^IPFS request failed \(is it running\?\) \(id\): /)
    await expect(ipfs.repoStat({})).rejects.toThrow(/^IPFS request failed \(is it running\?\) \(repo\/stat/)
    expect(asked()).toBe(11)
    isDead = false
    await clock.advance(1000)
    await ipfs.id({})
    await ipfs.repoStat({})
    expect(asked()).toBe(13)
    expect(context.lines.map((line) => `${line.level}: ${line.text}`)).toEqual([
      'warn: IPFS does not answer, calls fail until it does: other side closed',
      'info: IPFS answers again'
    ])
  })

  it('is taken for dead also when it only hangs', async () => {
    const { kubo, ipfs, clock } = await setUp({ ipfsRequestTimeoutMs: 5000 })
    kubo.script('id', () => undefined)
    for (let n = 1; n <= 11; n++) {
      const failed = expect(ipfs.id({})).rejects.toMatchObject({ code: 'TIMEOUT' })
      await until(() => kubo.calls.length === n)
      await clock.advance(5000)
      await failed
    }
    await ipfs.id({ signal: AbortSignal.abort() }).catch(() => undefined)
    const trial = expect(ipfs.id({})).rejects.toMatchObject({ code: 'TIMEOUT' })
    await expect(ipfs.repoStat({})).rejects.toThrow(
      /\(repo\/stat\?size-only=true\): IPFS did not answer within 5s \(id\)$/
    )
    await until(() => kubo.calls.length === 12)
    await clock.advance(5000)
    await trial
  })

  it('lets a pin wait for its turn to find out', async () => {
    const { kubo, ipfs, clock } = await setUp({ ipfsRequestTimeoutMs: 0, connectSwarmsDelayMs: 0 })
    const block = blockOf('patient')
    kubo.provide([block])
    kubo.script('id', (request) => request.socket.destroy())
    for (let n = 0; n < 11; n++) await expect(ipfs.id({})).rejects.toThrow()
    const pinning = ipfs.pin(pinOf(block.cid), {})
    const abort = new AbortController()
    const given = expect(ipfs.pin(pinOf(cid), abort)).rejects.toMatchObject({ code: 'ABORTED' })
    await until(() => clock.pending === 2)
    abort.abort()
    await given
    expect(kubo.calls).toHaveLength(11)
    await clock.advance(1000)
    await pinning
    expect(kubo.pins.has(block.cid.toString())).toBe(true)
  })

  it('is not taken for dead because callers broke off', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('id', () => undefined)
    for (let n = 0; n < 20; n++) {
      const abort = new AbortController()
      const before = kubo.calls.length
      const asking = ipfs.id(abort)
      await until(() => kubo.calls.length > before)
      abort.abort()
      await expect(asking).rejects.toSatisfy((error) => isClusterError(error, 'ABORTED'))
    }
    kubo.script('id', undefined)
    await ipfs.id({})
  })

  it('answers other calls while hundreds of pins hang', async () => {
    const { kubo, ipfs } = await setUp()
    const abort = new AbortController()
    const pins = Array.from({ length: 300 }, (_, n) => ipfs.pin(pinOf(blockOf(`nowhere ${n}`).cid), abort))
    const ended = Promise.allSettled(pins)
    await until(() => kubo.calls.filter((call) => call.startsWith('pin/add')).length === 300)
    expect((await ipfs.id({})).id?.toString()).toBe(kubo.id)
    abort.abort()
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true)
  })
})

describe('the health of a daemon', () => {
  const seen = (ipfs: KuboIpfs): string[] => {
    const states: string[] = []
    ipfs.addEventListener('health', ({ detail: { state, reason } }) => states.push(`${state} ${reason}`.trim()))
    return states
  }

  it('is unknown until it was asked, down when nobody listens, and up with any answer', async () => {
    const { kubo, ipfs, clock, metrics } = await setUp()
    const states = seen(ipfs)
    const gauge = async (): Promise<number | undefined> => (await metrics.read())['ipfscluster_ipfs_up']
    expect(await gauge()).toBeUndefined()
    expect(ipfs.health).toEqual({ state: 'unknown', sinceMs: clock.nowMs(), reason: '' })
    kubo.script('id', (_request, response) => {
      response.writeHead(500).end('{"Message":"not now","Code":0,"Type":"error"}')
    })
    await expect(ipfs.id({})).rejects.toThrow()
    expect([ipfs.health.state, await gauge()]).toEqual(['up', 1])
    const { port } = kubo
    await kubo.close()
    await clock.advance(7)
    await expect(ipfs.id({})).rejects.toThrow()
    const reason = `connect ECONNREFUSED 127.0.0.1:${port}`
    expect(ipfs.health).toEqual({ state: 'down', sinceMs: clock.nowMs(), reason })
    expect(await gauge()).toBe(0)
    await expect(ipfs.repoStat({})).rejects.toThrow()
    await kubo.open(port)
    await ipfs.repoStat({})
    expect(states).toEqual(['up', `down ${reason}`, 'up'])
  })

  it('is down after ten calls without an answer, and behind a proxy that says so', async () => {
    const { kubo, ipfs } = await setUp()
    const states = seen(ipfs)
    kubo.script('id', (request) => request.socket.destroy())
    for (let n = 0; n < 9; n++) await expect(ipfs.id({})).rejects.toThrow()
    expect(states).toEqual([])
    await expect(ipfs.id({})).rejects.toThrow()
    expect(states).toEqual(['down other side closed'])
    await ipfs.repoStat({})
    kubo.script('id', (_request, response) => {
      response.writeHead(502).end('<html>')
    })
    await expect(ipfs.id({})).rejects.toThrow()
    expect(states.slice(1)).toEqual(['up', 'down the proxy before it answers with 502'])
  })

  it('is down when the daemon cannot say in time who it is, not when other calls take long', async () => {
    const { kubo, ipfs, clock } = await setUp({ ipfsRequestTimeoutMs: 5000 })
    const states = seen(ipfs)
    for (const [call, ask] of [
      ['repo/stat', () => ipfs.repoStat({})],
      ['id', () => ipfs.id({})]
    ] as const) {
      kubo.script(call, () => undefined)
      const failed = expect(ask()).rejects.toMatchObject({ code: 'TIMEOUT' })
      await until(() => kubo.calls.at(-1)?.startsWith(call) === true)
      await clock.advance(5000)
      await failed
    }
    expect(states).toEqual(['down no answer in time (id)'])
  })

  it('is found out once a second while it is down, with no more than one call at a time', async () => {
    const { kubo, ipfs, clock, context } = await setUp({ connectSwarmsDelayMs: 0 })
    ipfs.start()
    await ipfs.ready({})
    const { port } = kubo
    await kubo.close()
    await expect(ipfs.repoStat({})).rejects.toThrow()
    expect(clock.pending).toBe(1)
    for (let second = 0; second < 45; second++) {
      await clock.advance(1000)
      await until(() => clock.pending === 1 && clock.nextMs === clock.nowMs() + 1000)
    }
    const warnings = context.lines.filter(({ text }) => text.startsWith('ipfs does not seem')).map(({ text }) => text)
    expect(warnings).toEqual([10, 20, 40].map((n) => `ipfs does not seem to be available after ${n} retries`))
    await kubo.open(port)
    const states = seen(ipfs)
    await clock.advance(1000)
    await until(() => ipfs.health.state === 'up' && clock.pending === 0)
    expect(states).toEqual(['up'])
  })

  it('tells of a daemon that came back with an empty repository, or as another', async () => {
    const { kubo, ipfs, clock, context } = await setUp({ connectSwarmsDelayMs: 0 })
    const block = blockOf('lost and pinned again')
    kubo.provide([block])
    ipfs.start()
    await ipfs.ready({})
    await ipfs.pin(pinOf(block.cid), {})
    const states = seen(ipfs)
    const { port } = kubo
    await kubo.close()
    await expect(ipfs.unpin(block.cid, {})).rejects.toMatchObject({ code: 'IPFS' })
    kubo.wipe()
    const before = kubo.id
    kubo.id = 'QmUZ13osndQ5uL4tPWHXe3iBgBgq9gfewcBMSCAuMBsDJ6'
    await kubo.open(port)
    await clock.advance(1000)
    await until(() => states.length === 2 && clock.pending === 0)
    expect(states[1]).toBe('up')
    expect(context.lines.filter(({ level }) => level === 'warn').map(({ text, fields }) => [text, fields])).toEqual([
      ['the IPFS daemon has another identity than before: what was pinned may be gone', { id: kubo.id, before }]
    ])
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.unpinned)
    expect(await Array.fromAsync(ipfs.pinLs(['recursive', 'direct'], {}))).toEqual([])
    await ipfs.pin(pinOf(block.cid), {})
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.recursive)
  })
})
