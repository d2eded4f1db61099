import { readFileSync } from 'node:fs'
import { ClusterClient } from '@cluster/client'
import { Failure } from '../failure.ts'
import { endpointsOf } from './endpoints.ts'
import { failOverTransport } from './fail-over.ts'
import { logTo } from './log.ts'

/** The options in front of the command. */
export interface ConnectionOptions {
  readonly hosts: string
  readonly secret: string
  readonly isHttps: boolean
  readonly verifiesCertificates: boolean
  readonly timeoutSeconds: number
  readonly isDebug: boolean
  /** `user` or `user:password`. */
  readonly basicAuth: string
  readonly forcesHttp: boolean
}

/**
 * A client of the API at the hosts of the options.
 *
 * @throws {Failure}
 * @see cli-config.md §1.2
 */
export async function connect(options: ConnectionOptions, env: NodeJS.ProcessEnv): Promise<ClusterClient> {
  const log = logTo((line) => process.stderr.write(line), options.isDebug)
  log.debug('cluster-ctl', 'debug level enabled')
  const [username = '', ...password] = options.basicAuth.split(':')
  let { isHttps } = options
  if (username !== '' && !isHttps && !options.forcesHttp) {
    isHttps = true
    log.warn('cluster-ctl', 'SSL automatically enabled with basic auth credentials. Set "force-http" to disable')
  }
  const endpoints = await endpointsOf({ hosts: options.hosts, isHttps, secret: options.secret })
  const certificates = env['SSL_CERT_FILE'] ?? ''
  const transport = failOverTransport({
    endpoints,
    timeoutMs: options.timeoutSeconds * 1000,
    verifiesCertificates: options.verifiesCertificates,
    ...(isHttps && certificates !== '' ? { ca: readCertificates(certificates) } : {}),
    log
  })
  // The transport puts the host of an endpoint in place of this one.
  return new ClusterClient({ url: 'http://restapi', username, password: password.join(':'), transport })
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('creating API client', error)
  }
}
