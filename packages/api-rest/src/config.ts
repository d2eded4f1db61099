import {
  addresses,
  duration,
  flag,
  headerMap,
  integer,
  section,
  text,
  textMap,
  texts,
  type ValuesOf,
  listenTarget
} from '@cluster/config'
import { ownIdentity, userRights } from '@cluster/http'
import { multiaddr } from '@multiformats/multiaddr'

/** Smallest value of `max_header_bytes`, and its default. */
const MIN_HEADER_BYTES = 4096

/**
 * The section `api.restapi` of `service.json`: every key of the reference, and some of ours.
 *
 * @see cli-config.md §4.7 `api.restapi`, http-apis.md §1.2
 */
export const restApiConfig = section({
  name: 'restapi',
  env: 'CLUSTER_RESTAPI',
  options: {
    http_listen_multiaddress: addresses({
      default: [multiaddr('/ip4/127.0.0.1/tcp/9094')],
      description: 'Where the API listens: /ip4, /ip6 or /dns with /tcp, or /unix/<path>.'
    }),
    ssl_cert_file: text({
      default: '',
      omit: true,
      description: 'PEM chain for HTTPS, relative to the folder of the configuration; read again when it changes.'
    }),
    ssl_key_file: text({ default: '', omit: true, description: 'PEM key of that certificate.' }),
    read_timeout: duration({ default: 0, description: 'For a whole request with its body; 0 is none.' }),
    read_header_timeout: duration({ default: 5000, description: 'For the head of a request.' }),
    write_timeout: duration({
      default: 0,
      description: 'From the head of the request to the end of the answer; 0 is none.'
    }),
    idle_timeout: duration({ default: 120_000, description: 'How long a connection may wait for its next request.' }),
    max_header_bytes: integer({
      default: MIN_HEADER_BYTES,
      description: 'Size of the head of a request; 4096 bytes more are granted. Bounds the list of ?cids=.'
    }),
    libp2p_listen_multiaddress: addresses({
      default: [],
      omit: true,
      description: 'Where a libp2p host of its own serves the API, to everybody: set basic_auth_credentials as well.'
    }),
    id: text({ default: '', omit: true, description: 'Peer ID of that host.' }),
    private_key: text({ default: '', omit: true, secret: true, description: 'Key of that host.' }),
    basic_auth_credentials: textMap({ default: null, load: 'Z', secret: true, description: 'Users and passwords.' }),
    user_rights: {
      ...headerMap({
        default: {},
        omit: true,
        description:
          'What users may do: a list of read, add, pin, unpin-own and admin by user. Who is not in it may do everything.'
      }),
      fromEnv: rightsFromEnv
    },
    token_lifetime: duration({
      default: 0,
      omit: true,
      description: 'How long tokens of POST /token last, at most; 0 is for ever.'
    }),
    revoked_tokens_file: text({
      default: 'revoked-tokens',
      omit: true,
      description: 'Tokens that are no longer taken, relative to the folder of the configuration.'
    }),
    http_log_file: text({
      default: '',
      load: 'Z',
      description: 'Access log, relative to the folder of the configuration.'
    }),
    headers: headerMap({ default: {}, load: 'Z', description: 'More headers of every answer.' }),
    cors_allowed_origins: texts({ default: ['*'], load: 'Z', description: 'Origins whose pages may read answers.' }),
    cors_allowed_methods: texts({ default: ['GET'], load: 'Z', description: 'Methods that such pages may use.' }),
    cors_allowed_headers: texts({ default: [], load: 'Z', description: 'Request headers that such pages may set.' }),
    cors_exposed_headers: texts({
      default: ['Content-Type', 'X-Stream-Output', 'X-Chunked-Output', 'X-Content-Length'],
      load: 'Z',
      description: 'Headers of answers that such pages may read.'
    }),
    cors_allow_credentials: flag({ default: true, load: 'Z', description: 'Whether such pages may send credentials.' }),
    cors_max_age: duration({ default: 0, load: 'Z', description: 'How long a browser may keep a preflight.' })
  },
  validate: (values) => {
    if (values.readTimeoutMs < 0) return 'restapi.read_timeout is invalid'
    if (values.readHeaderTimeoutMs < 0) return 'restapi.read_header_timeout is invalid'
    if (values.writeTimeoutMs < 0) return 'restapi.write_timeout is invalid'
    if (values.idleTimeoutMs < 0) return 'restapi.idle_timeout invalid'
    if (values.maxHeaderBytes < MIN_HEADER_BYTES) return 'restapi.max_header_bytes must be not less then 4096'
    const credentials = values.basicAuthCredentials
    if (credentials !== null && Object.keys(credentials).length === 0) {
      return 'restapi.basic_auth_creds should be null or have at least one entry'
    }
    const rights = wrongRights(values)
    if (rights !== undefined) return `restapi.user_rights: ${rights}`
    if (values.tokenLifetimeMs < 0 || (values.tokenLifetimeMs > 0 && values.tokenLifetimeMs < 1000)) {
      return 'restapi.token_lifetime is invalid: 0, or a second or more'
    }
    if (values.corsMaxAgeMs < 0) return 'restapi.cors_max_age is invalid'
    if ((values.sslCertFile === '') !== (values.sslKeyFile === '')) {
      return 'error loading TLS certificate/key: restapi.ssl_cert_file and ssl_key_file belong together'
    }
    const identity = wrongIdentity(values)
    if (identity !== undefined) return identity
    const wrong = values.httpListenMultiaddress.find((address) => listenTarget(address) === undefined)
    if (wrong === undefined) return undefined
    return `error parsing restapi.http_listen_multiaddress: not a TCP or Unix address: ${wrong.toString()}`
  }
})

/** The values of {@link restApiConfig}. */
export type RestApiConfig = ValuesOf<typeof restApiConfig>

/** `bob:read+pin,eve:read`. */
function rightsFromEnv(text: string): unknown {
  const users = text.split(',').filter((user) => user !== '')
  return Object.fromEntries(
    users.map((user) => {
      const colon = user.lastIndexOf(':')
      const rights = user.slice(colon + 1).split('+')
      return [user.slice(0, colon), rights.filter((right) => right !== '')]
    })
  )
}

/** What is wrong with the rights of users, if anything. */
function wrongRights(values: {
  readonly basicAuthCredentials: Readonly<Record<string, string>> | null
  readonly userRights: Readonly<Record<string, readonly string[]>>
}): string | undefined {
  return complaint(() => userRights(values.userRights, new Set(Object.keys(values.basicAuthCredentials ?? {}))))
}

/** What is wrong with the own libp2p host, if anything. */
function wrongIdentity(values: {
  readonly libp2pListenMultiaddress: readonly unknown[]
  readonly id: string
  readonly privateKey: string
}): string | undefined {
  const { id, privateKey, libp2pListenMultiaddress } = values
  return complaint(() =>
    ownIdentity({ section: 'restapi', id, privateKey, listens: libp2pListenMultiaddress.length > 0 })
  )
}

function complaint(check: () => unknown): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
