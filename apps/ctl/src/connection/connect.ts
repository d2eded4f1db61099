import { readFileSync } from 'node:fs'
import { ClusterClient, defaultTransport, severalHosts, type Transport } from '@cluster/client'
import { Failure } from '../failure.ts'
import { endpointTransport } from './endpoint-transport.ts'
import { endpointsOf, secretOf, type Endpoint } from './endpoints.ts'
import { libp2pWay } from './libp2p-way.ts'
import { logTo, type Log } from './log.ts'

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
  const trusted = isHttps && certificates !== '' ? { ca: readCertificates(certificates) } : {}
  const wayTo = ({ socketPath, libp2p }: Endpoint): Transport => {
    if (libp2p !== undefined) return libp2pWay(libp2p, secretOf(options.secret))
    const socket = socketPath === undefined ? {} : { socketPath }
    return defaultTransport({ verifiesCertificates: options.verifiesCertificates, ...trusted, ...socket })
  }
  const asking = { timeoutMs: options.timeoutSeconds * 1000, log }
  const doors = endpoints.map((endpoint) => ({
    url: endpoint.url,
    transport: endpointTransport(endpoint, wayTo(endpoint), asking)
  }))
  const transport = severalHosts(doors)
  const client = { url: 'http://restapi', username, password: password.join(':') }
  return new ClusterClient({ ...client, transport: { ...transport, send: logged(transport, doors.length, log) } })
}

/** Says in the log that nobody has answered. */
function logged(transport: Transport, hosts: number, log: Log): Transport['send'] {
  return async (request) => {
    try {
      return await transport.send(request)
    } catch (error) {
      request.signal?.throwIfAborted()
      const text = 'reached maximum number of retries without success'
      log.error('apiclient', `${text}, retries: ${hosts.toString()}`)
      throw error
    }
  }
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('creating API client', error)
  }
}
