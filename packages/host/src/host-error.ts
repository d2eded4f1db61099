/** What went wrong in a host. */
export type HostErrorCode =
  /** The secret is not 32 bytes. */
  | 'bad_secret'
  /** The other side has another cluster secret, or none. */
  | 'wrong_secret'
  /** A setting is out of range; the text names it. */
  | 'bad_option'
  /** None of the listen addresses can be used; the text names each with its reason. */
  | 'listen_failed'
  /** An address does not end in `/p2p/<peer ID>`, or cannot be understood. */
  | 'bad_address'
  /** A `/dnsaddr` address resolved to nothing. */
  | 'no_resolved_addresses'
  /** No connection with the peer; the text names each address tried with its reason. */
  | 'dial_failed'
  /** The host was stopped. */
  | 'stopped'
  /** The topic is subscribed already, or was unsubscribed. */
  | 'topic_unavailable'
  /** The messages of a topic are being read already. */
  | 'reader_in_use'
  /** A message does not fit into a gossip frame that every peer accepts. */
  | 'message_too_large'
  /** The file of saved addresses cannot be read or written. */
  | 'peerstore_file'
  /** A connection has carried as many bytes as its cipher allows. */
  | 'cipher_exhausted'

/** Error of this package: compare `code`, not the text. */
export class HostError extends Error {
  readonly code: HostErrorCode

  constructor(code: HostErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HostError'
    this.code = code
  }
}
