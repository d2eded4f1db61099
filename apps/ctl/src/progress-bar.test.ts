import { describe, expect, it } from 'vitest'
import { ProgressBar, sizeText } from './progress-bar.ts'

const ERASE = '\r\u001B[K'

function screen(columns = 100): { isTTY: boolean; columns: number; text: string; write: (text: string) => void } {
  return {
    isTTY: true,
    columns,
    text: '',
    write(text) {
      this.text += text
    }
  }
}

describe('progress bar', () => {
  it('is there only where somebody looks', () => {
    expect(ProgressBar.on({ isTTY: true, write: () => true }, false)).toBeInstanceOf(ProgressBar)
    expect(ProgressBar.on({ isTTY: true, write: () => true }, true)).toBeUndefined()
    expect(ProgressBar.on({ write: () => true }, false)).toBeUndefined()
  })

  it('shows bytes, rate and the time that is left, and goes without a trace', () => {
    const terminal = screen()
    let nowMs = 0
    const bar = new ProgressBar(terminal, () => nowMs)
    nowMs = 1000
    bar.show(2_000_000)
    expect(terminal.text).toBe(`${ERASE}2.0 MB  2.0 MB/s`)
    bar.total = 8_000_000
    terminal.text = ''
    nowMs = 2000
    bar.show(4_000_000)
    expect(terminal.text).toBe(`${ERASE}4.0 MB of 8.0 MB [============            ] 50%  2.0 MB/s  2s left`)
    terminal.text = ''
    nowMs = 2050
    bar.show(4_100_000)
    expect(terminal.text).toBe('')
    bar.clear()
    bar.clear()
    expect(terminal.text).toBe(ERASE)
    bar.show(4_100_000)
    expect(terminal.text).toContain('4.1 MB of 8.0 MB')
  })

  it('never breaks the line', () => {
    const terminal = screen(20)
    let nowMs = 0
    const bar = new ProgressBar(terminal, () => nowMs)
    bar.total = 1e12
    nowMs = 1000
    bar.show(1000)
    expect(terminal.text).toHaveLength(ERASE.length + 19)
    terminal.columns = 200
    nowMs = 2000
    bar.show(100_000_000)
    expect(terminal.text).toMatch(/\d+h\d\dm left$/)
  })

  it.each([
    [9, '9 B'],
    [10, '10 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1500, '1.5 kB'],
    [9949, '9.9 kB'],
    [9950, '10 kB'],
    [12_345, '12 kB'],
    [999_950, '1000 kB'],
    [1_000_000, '1.0 MB'],
    [1e9, '1.0 GB'],
    [1e10, '10 GB'],
    [123_456_789, '124 MB']
  ])('writes %d as %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text)
  })
})
