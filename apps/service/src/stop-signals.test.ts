import { afterEach, describe, expect, it, vi } from 'vitest'
import { onStopSignals } from './stop-signals.ts'

describe('signals', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('stop in order, warn, and end the process, all three kinds counted together', () => {
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
    const said: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0)
    const stop = vi.fn(() => Promise.resolve())
    const listening = onStopSignals(stop)
    process.emit('SIGTERM')
    expect(stop).toHaveBeenCalledOnce()
    process.emit('SIGINT')
    expect(said.join('')).toContain('Shutdown is taking too long! Press Ctrl-c again to manually kill cluster.')
    process.emit('SIGHUP')
    expect(said.at(-1)).toBe('exiting cluster NOW')
    expect(exit).toHaveBeenCalledExactlyOnceWith(1)
    expect(stop).toHaveBeenCalledOnce()
    listening.off()
    expect(process.listeners('SIGHUP')).toEqual([])
  })

  it('end the process with 1 when stopping fails', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      resolve(code)
      return undefined as never
    })
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const listening = onStopSignals(() => Promise.reject(new Error('stuck')))
    process.emit('SIGINT')
    expect(await promise).toBe(1)
    expect(write).toHaveBeenCalledWith('error shutting down cluster: stuck\n')
    listening.off()
  })
})
