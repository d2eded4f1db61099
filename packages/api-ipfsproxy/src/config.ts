import {
  address,
  addresses,
  duration,
  flag,
  integer,
  listenTarget,
  section,
  text,
  textMap,
  texts,
  type ValuesOf
} from '@cluster/config'
import { multiaddr } from '@multiformats/multiaddr'
import { nodeTarget } from './node-target.ts'

/** Smallest value of `max_header_bytes`, and its default. */
const MIN_HEADER_BYTES = 4096

/**
 * The section `api.ipfsproxy` of `service.json`: every key of the reference, and three of ours that are off by default.
 *
 * @see http-apis.md §5.1
 */
export const ipfsProxyConfig = section({
  name: 'ipfsproxy',
  env: 'CLUSTER_IPFSPROXY',
  options: {
    listen_multiaddress: addresses({
      default: [multiaddr('/ip4/127.0.0.1/tcp/9095')],
      parseError: 'error parsing proxy listen_multiaddress',
      description: 'Where the proxy listens: /ip4, /ip6 or /dns with /tcp, or /unix/<path>.'
    }),
    node_multiaddress: address({
      default: multiaddr('/ip4/127.0.0.1/tcp/5001'),
      parseError: 'error parsing ipfs node_multiaddress',
      description: 'Where the HTTP RPC of the IPFS daemon listens: /ip4, /ip6 or /dns with /tcp, or /unix/<path>.'
    }),
    node_https: flag({ default: false, omit: true, description: 'Whether that daemon speaks HTTPS.' }),
    log_file: text({ default: '', description: 'Access log, relative to the folder of the configuration.' }),
    read_timeout: duration({ default: 0, description: 'For a whole request with its body; 0 is none.' }),
    read_header_timeout: duration({ default: 5000, description: 'For the head of a request.' }),
    write_timeout: duration({
      default: 0,
      description: 'From the head of the request to the end of the answer; 0 is none.'
    }),
    idle_timeout: duration({ default: 60_000, description: 'How long a connection may wait for its next request.' }),
    max_header_bytes: integer({
      default: MIN_HEADER_BYTES,
      description: 'Size of the head of a request; 4096 bytes more are granted.'
    }),
    extract_headers_extra: texts({
      default: [],
      omit: true,
      description: 'More headers of the daemon that the answers of the proxy itself get.'
    }),
    extract_headers_path: text({
      default: '/api/v0/version',
      omit: true,
      description: 'The call of the daemon from whose answer these headers are taken.'
    }),
    extract_headers_ttl: duration({
      default: 300_000,
      omit: true,
      parseError: 'error parsing ipfsproxy.extract_header_ttl',
      description: 'How long they are remembered; 0 is for ever.'
    }),
    basic_auth_credentials: textMap({
      default: null,
      omit: true,
      secret: true,
      description: 'Users and passwords that the proxy asks for; without it everybody may use it.'
    }),
    refuse_foreign_origins: flag({
      default: false,
      omit: true,
      description: 'Refuse calls that pages of other sites make, unless the daemon allows their origin.'
    }),
    pin_imports: flag({
      default: false,
      omit: true,
      description: 'Pin the roots that dag/import pins in the cluster too.'
    })
  },
  validate: (values) => {
    // The reference reports the last check that fails.
    const failures: readonly (readonly [boolean, string])[] = [
      [values.listenMultiaddress.length === 0, 'ipfsproxy.listen_multiaddress not set'],
      [values.nodeMultiaddress === undefined, 'ipfsproxy.node_multiaddress not set'],
      [values.readTimeoutMs < 0, 'ipfsproxy.read_timeout is invalid'],
      [values.readHeaderTimeoutMs < 0, 'ipfsproxy.read_header_timeout is invalid'],
      [values.writeTimeoutMs < 0, 'ipfsproxy.write_timeout is invalid'],
      [values.idleTimeoutMs < 0, 'ipfsproxy.idle_timeout invalid'],
      [values.extractHeadersPath === '', 'ipfsproxy.extract_headers_path should not be empty'],
      [values.extractHeadersTtlMs < 0, 'ipfsproxy.extract_headers_ttl is invalid'],
      [values.maxHeaderBytes < MIN_HEADER_BYTES, 'ipfsproxy.max_header_size must be greater or equal to 4096'],
      [
        values.basicAuthCredentials !== null && Object.keys(values.basicAuthCredentials).length === 0,
        'ipfsproxy.basic_auth_credentials should be null or have at least one entry'
      ]
    ]
    const failure = failures.findLast(([failed]) => failed)
    if (failure !== undefined) return failure[1]
    const listen = values.listenMultiaddress.find((each) => listenTarget(each) === undefined)
    if (listen !== undefined) {
      return `error parsing proxy listen_multiaddress: not a TCP or Unix address: ${listen.toString()}`
    }
    const node = values.nodeMultiaddress
    if (node === undefined || nodeTarget(node, values.nodeHttps) !== undefined) return undefined
    return `error parsing ipfs node_multiaddress: not a TCP or Unix address: ${node.toString()}`
  }
})

/** The values of {@link ipfsProxyConfig}. */
export type IpfsProxyConfig = ValuesOf<typeof ipfsProxyConfig>
