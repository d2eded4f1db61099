import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { listenTarget } from './listen-target.ts'
import { addresses, duration, flag, headerMap, integer, text, textMap, texts, type Option } from './option.ts'
import { parsePeerId } from './peer-id-text.ts'
import { parsePrivateKey } from './private-key-text.ts'
import type { Values } from './section.ts'

/** Smallest value of `max_header_bytes`, and its default. */
const MIN_HEADER_BYTES = 4096

/** The option that says where an API listens. */
export function httpListenOption(port: number): Option<readonly Multiaddr[]> {
  return addresses({
    default: [multiaddr(`/ip4/127.0.0.1/tcp/${port}`)],
    description: 'Where the API listens: /ip4, /ip6 or /dns with /tcp, or /unix/<path>.'
  })
}

const userRights: Option<Readonly<Record<string, readonly string[]>>> = {
  ...headerMap({
    default: {},
    omit: true,
    description:
      'What users may do: a list of read, add, pin, unpin-own and admin by user. Who is not in it may do everything.'
  }),
  fromEnv: rightsFromEnv
}

/**
 * The options that the REST API and the Pinning Service API share, in the order of the file, behind
 * `http_listen_multiaddress`.
 *
 * @see http-apis.md §1.2
 */
export const httpApiOptions = {
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
    description: 'Size of the head of a request; 4096 bytes more are granted. Bounds the list of CIDs in a query.'
  }),
  libp2p_listen_multiaddress: addresses({
    default: [],
    omit: true,
    description: 'Where a libp2p host of its own serves the API, to everybody: set basic_auth_credentials as well.'
  }),
  id: text({ default: '', omit: true, description: 'Peer ID of that host.' }),
  private_key: text({ default: '', omit: true, secret: true, description: 'Key of that host.' }),
  basic_auth_credentials: textMap({ default: null, load: 'Z', secret: true, description: 'Users and passwords.' }),
  user_rights: userRights,
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
}

/** The values of {@link httpApiOptions} and {@link httpListenOption}. */
export type HttpApiValues = Values<
  typeof httpApiOptions & { readonly http_listen_multiaddress: ReturnType<typeof httpListenOption> }
>

/**
 * What is wrong with the values, in the words of the reference, if anything.
 *
 * @param name - how errors call the section
 * @param baseDir - the folder that the files of the certificate are seen from; they are read
 */
export function httpApiFailure(name: string, values: HttpApiValues, baseDir: string): string | undefined {
  const files = tlsFailure(values, baseDir)
  if (files !== undefined) return `error loading TLS certificate/key: ${files}`
  if (values.readTimeoutMs < 0) return `${name}.read_timeout is invalid`
  if (values.readHeaderTimeoutMs < 0) return `${name}.read_header_timeout is invalid`
  if (values.writeTimeoutMs < 0) return `${name}.write_timeout is invalid`
  if (values.idleTimeoutMs < 0) return `${name}.idle_timeout invalid`
  if (values.maxHeaderBytes < MIN_HEADER_BYTES) return `${name}.max_header_bytes must be not less then 4096`
  const credentials = values.basicAuthCredentials
  if (credentials !== null && Object.keys(credentials).length === 0) {
    return `${name}.basic_auth_creds should be null or have at least one entry`
  }
  if (values.corsMaxAgeMs < 0) return `${name}.cors_max_age is invalid`
  const wrong = values.httpListenMultiaddress.find((address) => listenTarget(address) === undefined)
  if (wrong !== undefined) {
    return `error parsing ${name}.http_listen_multiaddress: not a TCP or Unix address: ${wrong.toString()}`
  }
  return identityFailure(name, values)
}

/** One file without the other reads the folder itself, which says so. */
function tlsFailure({ sslCertFile, sslKeyFile }: HttpApiValues, baseDir: string): string | undefined {
  if (sslCertFile === '' && sslKeyFile === '') return undefined
  for (const file of [sslCertFile, sslKeyFile]) {
    const path = resolve(baseDir, file)
    try {
      readFileSync(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EISDIR') return `read ${path}: is a directory`
      return `open ${path}: ${(code === undefined ? undefined : openErrors[code]) ?? String(code)}`
    }
  }
  return undefined
}

const openErrors: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory'
}

/** Whether the key and the ID of an own libp2p host can be read; that they fit is checked where they are used. */
function identityFailure(name: string, { id, privateKey }: HttpApiValues): string | undefined {
  try {
    if (privateKey !== '') parsePrivateKey(privateKey, `${name}.private_key`)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  try {
    if (id !== '') parsePeerId(id)
  } catch (error) {
    return `error parsing ${name}.ID: ${error instanceof Error ? error.message : String(error)}`
  }
  return undefined
}

/** `bob:read+pin,eve:read`. */
function rightsFromEnv(value: string): unknown {
  const users = value.split(',').filter((user) => user !== '')
  return Object.fromEntries(
    users.map((user) => {
      const colon = user.lastIndexOf(':')
      const rights = user.slice(colon + 1).split('+')
      return [user.slice(0, colon), rights.filter((right) => right !== '')]
    })
  )
}
