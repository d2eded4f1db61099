import { ApiError } from '@cluster/client'
import { parseOptions } from './options.ts'
import { startAndAdd } from './start-and-add.ts'

const options = parseOptions(process.argv.slice(2))
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopping.abort()
  })
}
try {
  await startAndAdd(options, stopping.signal)
} catch (error) {
  if (!stopping.signal.aborted) {
    const code = error instanceof ApiError ? ` (${error.status.toString()})` : ''
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}${code}\n`)
    process.exitCode = 1
  }
}
