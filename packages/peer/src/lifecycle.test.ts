import type { Component, Logger } from '@cluster/api'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { startParts, STOP_LIMIT_MS, stopParts, type Part } from './lifecycle.ts'

describe('the life of the parts of a peer', () => {
  const lines: string[] = []
  const write = (text: string): void => {
    lines.push(text)
  }
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log }
  let calls: string[]
  const { signal } = new AbortController()

  beforeEach(() => {
    calls = []
    lines.length = 0
  })

  const part = (name: string, change: Component = {}): Part => ({
    name,
    component: {
      beforeStart: () => void calls.push(`open ${name}`),
      start: () => void calls.push(`start ${name}`),
      stop: () => void calls.push(`stop ${name}`),
      ...change
    }
  })

  it('opens all before one works, and stops in reverse', async () => {
    const parts = [part('a'), part('b')]
    await startParts(parts, signal, log)
    await stopParts(parts, log)
    expect(calls).toEqual(['open a', 'open b', 'start a', 'start b', 'stop b', 'stop a'])
  })

  it('stops what is open when one does not open, and nothing else', async () => {
    const failing = part('b', { beforeStart: () => Promise.reject(new Error('port taken')) })
    await expect(startParts([part('a'), failing, part('c')], signal, log)).rejects.toThrow('port taken')
    expect(calls).toEqual(['open a', 'stop b', 'stop a'])
  })

  it('stops all when one does not start', async () => {
    const failing = part('a', { start: () => Promise.reject(new Error('no')) })
    await expect(startParts([failing, part('b')], signal, log)).rejects.toThrow('no')
    expect(calls).toEqual(['open a', 'open b', 'stop b', 'stop a'])
  })

  it('ends the start when it is broken off', async () => {
    const stopping = new AbortController()
    const last = part('b', {
      beforeStart: () => {
        stopping.abort(new Error('enough'))
      }
    })
    await expect(startParts([part('a'), last, part('c')], stopping.signal, log)).rejects.toThrow('enough')
    expect(calls).toEqual(['open a', 'stop b', 'stop a'])
  })

  it('goes on stopping when one fails or hangs, and tells the one that hangs to hurry', async () => {
    vi.useFakeTimers()
    let hurried = false
    const hanging = part('hanging', {
      stop: ({ signal: hurry }) =>
        new Promise(() => {
          hurry?.addEventListener('abort', () => {
            hurried = true
          })
        })
    })
    const failing = part('failing', { stop: () => Promise.reject(new Error('broken')) })
    const stopped = stopParts([part('a'), hanging, failing], log)
    await vi.advanceTimersByTimeAsync(STOP_LIMIT_MS)
    await stopped
    vi.useRealTimers()
    expect(hurried).toBe(true)
    expect(calls).toEqual(['stop a'])
    expect(lines).toEqual(['stopping failing: broken', 'hanging takes too long to stop'])
  })
})
