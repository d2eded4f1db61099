import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createLogging, MAX_WAITING_BYTES, parseLogLevels, streamOutput } from './index.ts'

/** A stream whose writes end when the test says so. */
function slowStream() {
  const lines: string[] = []
  const waiting: ((error?: Error) => void)[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      lines.push(line)
      waiting.push(done)
    }
  })
  return { stream, lines, next: (error?: Error) => waiting.shift()?.(error) }
}

test('a reader that went away ends the log, and nothing else', async () => {
  const { stream, lines, next } = slowStream()
  const log = createLogging({
    levels: parseLogLevels('info'),
    format: 'nocolor',
    output: streamOutput(stream)
  }).logger('x')
  log.info('one')
  const closed = new Promise<void>((resolve) => stream.once('close', resolve))
  next(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  await closed
  for (let round = 0; round < 10; round += 1) log.error('uncaught: write EPIPE')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('one')
})

test('lines that nobody reads in time are dropped and counted', () => {
  const { stream, lines, next } = slowStream()
  const output = streamOutput(stream)
  output.write(`${'x'.repeat(MAX_WAITING_BYTES - 1)}\n`)
  output.write('waits\n')
  output.write('dropped\n')
  output.write('dropped too\n')
  next()
  next()
  output.write('read again\n')
  while (stream.writableLength > 0) next()
  expect(lines.slice(1)).toEqual(['waits\n', '(2 lines were dropped: nobody read them in time)\n', 'read again\n'])
})
