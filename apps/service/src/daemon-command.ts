import { parseMultiaddr } from '@cluster/config'
import type { Logging } from '@cluster/observability'
import { createPeer, displayConfig } from '@cluster/peer'
import type { Multiaddr } from '@multiformats/multiaddr'
import { attempt } from './failure.ts'
import { loadFolder } from './load-folder.ts'
import { onStopSignals } from './stop-signals.ts'
import { onUncaughtErrors } from './uncaught-errors.ts'

/** The options of `daemon`. */
export interface DaemonCommandOptions {
  readonly bootstrap?: string | undefined
  readonly leave?: boolean | undefined
  readonly stats?: boolean | undefined
  readonly trust: boolean
}

/** `ipfs-cluster-service daemon`: runs a peer until it is told to stop. */
export async function daemon(
  baseDir: string,
  options: DaemonCommandOptions,
  logging: Logging,
  env: NodeJS.ProcessEnv
): Promise<void> {
  const log = logging.logger('service')
  log.info('Initializing. For verbose output run with "-l debug". Please wait...')
  const bootstrap = await parseBootstrap(options.bootstrap ?? '')
  // The flag is the environment variable by another name.
  const wanted = options.stats === true ? { ...env, CLUSTER_METRICS_ENABLESTATS: 'true' } : env
  const { config, identity } = await loadFolder(baseDir, wanted)
  log.debug(`Configuration:\n${displayConfig(config)}\n`)
  for (const warning of config.warnings) log.warn(warning)
  const cluster = { ...config.cluster, leaveOnShutdown: config.cluster.leaveOnShutdown || options.leave === true }
  const peer = createPeer({
    config: { ...config, cluster },
    identity,
    logging,
    bootstrap: { addresses: bootstrap, trust: options.trust }
  })
  const starting = new AbortController()
  const signals = onStopSignals(() => {
    starting.abort()
    return peer.stop()
  })
  const uncaught = onUncaughtErrors(log, () => peer.stop())
  try {
    await attempt('starting cluster', async () => {
      try {
        await peer.start({ signal: starting.signal })
      } catch (error) {
        if (!starting.signal.aborted) throw error
      }
    })
    await attempt('running cluster', () => peer.done)
  } finally {
    signals.off()
    uncaught.off()
  }
}

async function parseBootstrap(list: string): Promise<readonly Multiaddr[]> {
  const items = list === '' ? [] : list.split(',').map((item) => item.trim())
  return Promise.all(
    items.map((item) => attempt(`parsing bootstrap multiaddress (${item})`, () => parseMultiaddr(item)))
  )
}
