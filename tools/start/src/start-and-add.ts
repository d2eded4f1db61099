import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { addContent, waitUntilMet, waitUntilPinned } from './add-content.ts'
import { checkGateway } from './check-gateway.ts'
import type { StartOptions } from './options.ts'
import { report } from './report.ts'
import { startThreePeers } from './three-peers.ts'

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** The whole of `npm start`: peers up, content in, shown to be where it belongs; then until Ctrl-C. */
export async function startAndAdd(options: StartOptions, signal: AbortSignal): Promise<void> {
  await stat(options.path)
  const begun = performance.now()
  say(`Starting three peers in ${options.data} ...`)
  const { peers, stop } = await startThreePeers(options.data, options.fresh, say, signal)
  try {
    say(`Ready after ${((performance.now() - begun) / 1000).toFixed(1)} s.`)
    const [first] = peers
    if (first === undefined) return
    await waitUntilMet(first, peers.length, signal)
    const added = await addContent(first, options.path, signal)
    const status = await waitUntilPinned(first, added, signal)
    const link = await checkGateway(peers, first, added, status, signal)
    say(report(peers, first, added, status, link))
    if (options.exit) return
    say('Press Ctrl-C to stop.')
    const ended = peers.map(({ name, process }) =>
      process.exited().then(() => Promise.reject(new Error(`${name} ended`)))
    )
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), ...ended])
  } finally {
    say('Stopping ...')
    await stop()
  }
}
