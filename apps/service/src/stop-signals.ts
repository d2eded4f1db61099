const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const row = '!'.repeat(73)
const banner = `\n\n\n${row}
Shutdown is taking too long! Press Ctrl-c again to manually kill cluster.
Note that this may corrupt the local cluster state.
${row}\n\n\n`

/**
 * Stops in order at the first signal, warns at the second, exits at the third.
 *
 * @returns what ends the listening
 * @see cli-config.md §2.6
 */
export function onStopSignals(stop: () => Promise<void>): { off(): void } {
  let count = 0
  const handle = (): void => {
    count++
    if (count === 1) {
      stop().catch((error: unknown) => {
        process.stderr.write(`error shutting down cluster: ${error instanceof Error ? error.message : String(error)}\n`)
        process.exit(1)
      })
    } else if (count === 2) process.stderr.write(banner)
    else {
      process.stderr.write('exiting cluster NOW')
      process.exit(1)
    }
  }
  for (const signal of signals) process.on(signal, handle)
  return {
    off() {
      for (const signal of signals) process.off(signal, handle)
    }
  }
}
