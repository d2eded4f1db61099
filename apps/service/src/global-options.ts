import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { createLogging, parseLogLevels, type LineFormat, type Logging, streamOutput } from '@cluster/observability'
import { attempt } from './failure.ts'

/** The options in front of the command. */
export interface GlobalOptions {
  readonly config?: string | undefined
  readonly loglevel?: string | undefined
  readonly debug?: boolean | undefined
}

/**
 * The folder of the peer: `--config`, else `IPFS_CLUSTER_PATH`, else `~/.ipfs-cluster`; an empty path is the current
 * folder.
 *
 * @see cli-config.md §0.7
 */
export function folderOf({ config }: GlobalOptions, env: NodeJS.ProcessEnv): string {
  const home = env['HOME'] === undefined || env['HOME'] === '' ? homedir() : env['HOME']
  return resolve(config ?? env['IPFS_CLUSTER_PATH'] ?? join(home, '.ipfs-cluster'))
}

/** Logs on standard error, as the options and the environment ask. */
export async function loggingOf(options: GlobalOptions, env: NodeJS.ProcessEnv): Promise<Logging> {
  const text = options.debug === true ? 'debug' : (options.loglevel ?? env['IPFS_CLUSTER_LOG_LEVEL'] ?? '')
  const levels = await attempt('parsing log level', () => parseLogLevels(text))
  return createLogging({ levels, format: formatOf(env), output: streamOutput(process.stderr) })
}

function formatOf(env: NodeJS.ProcessEnv): LineFormat {
  const wanted = env['GOLOG_LOG_FMT'] ?? env['IPFS_LOGGING_FMT'] ?? ''
  if (wanted === 'color' || wanted === 'nocolor' || wanted === 'json') return wanted
  if (wanted !== '') process.stderr.write(`ignoring unrecognized log format '${wanted}'\n`)
  return process.stderr.isTTY ? 'color' : 'nocolor'
}
