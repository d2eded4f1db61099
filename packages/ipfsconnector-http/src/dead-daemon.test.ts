import { isClusterError, pinOf } from '@cluster/api'
import { describe, expect, it } from 'vitest'
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
