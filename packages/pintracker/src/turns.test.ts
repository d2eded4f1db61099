import { settle } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import { Turns, untilAborted } from './turns.ts'

describe('Turns', () => {
  it('runs one job after the other, also after one that failed', async () => {
    const turns = new Turns()
    const log: string[] = []
    const gate = Promise.withResolvers<undefined>()
    const first = turns.take(undefined, async () => {
      log.push('first')
      await gate.promise
      throw new Error('no')
    })
    const second = turns.take(undefined, () => Promise.resolve(log.push('second')))
    await settle()
    expect(log).toEqual(['first'])
    gate.resolve(undefined)
    await expect(first).rejects.toThrow('no')
    await second
    expect(log).toEqual(['first', 'second'])
  })

  it('ends the wait of one whose signal aborts, which then does not run', async () => {
    const turns = new Turns()
    const gate = Promise.withResolvers<undefined>()
    const first = turns.take(undefined, () => gate.promise)
    const abort = new AbortController()
    let ran = false
    const second = turns.take(abort.signal, () => Promise.resolve((ran = true)))
    abort.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    gate.resolve(undefined)
    await first
    await turns.idle()
    expect(ran).toBe(false)
  })

  it('aborts the job that runs when it is closed, and refuses others', async () => {
    const turns = new Turns()
    const running = turns.take(undefined, (signal) => untilAborted(new Promise(() => undefined), signal))
    await settle()
    turns.close(new Error('closed'))
    await expect(running).rejects.toThrow('closed')
    await expect(turns.take(undefined, () => Promise.resolve(1))).rejects.toThrow('closed')
    await turns.idle()
  })
})
