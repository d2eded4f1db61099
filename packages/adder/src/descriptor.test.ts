import { PORT_VERSION } from '@cluster/api'
import { addTo, MemoryAddTarget, memoryCounters, testContext } from '@cluster/testing'
import { describe, expect, it } from 'vitest'
import descriptor, { DEFAULT_ADDER_LIMITS } from './index.ts'

describe('descriptor', () => {
  it('names its place and its defaults', () => {
    expect(descriptor).toMatchObject({ port: PORT_VERSION, kind: 'adder', name: 'unixfs' })
    expect(descriptor.config.load(undefined, {}, '.')).toEqual(DEFAULT_ADDER_LIMITS)
  })

  it('creates an adder that keeps the limits of the configuration', async () => {
    const config = descriptor.config.load({ max_entries: 1 }, {}, '.')
    const metrics = memoryCounters()
    const context = testContext({ metrics })
    const adder = descriptor.create(context, config)
    const entries = ['a', 'b'].map((path) => ({ type: 'directory', path }) as const)
    await expect(addTo(adder, new MemoryAddTarget(), entries)).rejects.toMatchObject({ code: 'LIMIT' })
    expect(await metrics.read()).toEqual({ 'ipfscluster_limits_reached{add_entries}': 1 })
    expect(context.lines.map(({ text }) => text)).toEqual([
      'an add was refused: more than 1 files and directories in one add'
    ])
  })

  it('refuses limits that would stop every add', () => {
    for (const key of ['stall_timeout', 'finish_timeout']) {
      expect(() => descriptor.config.load({ [key]: '-1s' }, {}, '.')).toThrow(`unixfs.${key} is invalid`)
    }
    expect(() => descriptor.config.load({ max_entries: -1 }, {}, '.')).toThrow('unixfs.max_entries is invalid')
  })
})
