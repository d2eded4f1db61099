/** Stable codes of {@link BitswapError}. @see bitswap.md §4.14 */
export type BitswapErrorCode =
  /** Called before `start()`. */
  | 'BITSWAP_NOT_STARTED'
  /** The wait was ended by `stop()`. */
  | 'BITSWAP_STOPPED'
  /** Not a CID, or longer than 168 bytes. */
  | 'BITSWAP_INVALID_CID'
  /** The digest is too short to trust, or its hash function is unknown. */
  | 'BITSWAP_INSECURE_HASH'
  | 'BITSWAP_INVALID_OPTION'
  | 'BITSWAP_WANTLIST_FULL'
  /** The block is larger than the caller allowed. */
  | 'BITSWAP_BLOCK_TOO_LARGE'
  | 'BITSWAP_SESSION_CLOSED'
  /** A message that is no Bitswap message: seen in logs only. */
  | 'BITSWAP_MALFORMED'

/** Error of this package. Compare `code`; the text begins with `bitswap: ` and names the CID or option. */
export class BitswapError extends Error {
  readonly code: BitswapErrorCode

  constructor(code: BitswapErrorCode, message: string, options?: ErrorOptions) {
    super(`bitswap: ${message}`, options)
    this.name = 'BitswapError'
    this.code = code
  }
}

/** Call before `start()`. */
export class BitswapNotStartedError extends BitswapError {
  constructor() {
    super('BITSWAP_NOT_STARTED', 'not started')
    this.name = 'BitswapNotStartedError'
  }
}

/** The wait was ended by `stop()`. */
export class BitswapStoppedError extends BitswapError {
  constructor() {
    super('BITSWAP_STOPPED', 'stopped')
    this.name = 'BitswapStoppedError'
  }
}

/** Not a CID, or one that no peer would accept in a want. */
export class InvalidCidError extends BitswapError {
  constructor(what: string) {
    super('BITSWAP_INVALID_CID', what)
    this.name = 'InvalidCidError'
  }
}

/** The hash of the CID proves nothing about the block, or cannot be computed. */
export class InsecureHashError extends BitswapError {
  constructor(what: string) {
    super('BITSWAP_INSECURE_HASH', what)
    this.name = 'InsecureHashError'
  }
}

/** An option of `createBitswap` is out of its range. */
export class InvalidOptionError extends BitswapError {
  constructor(what: string) {
    super('BITSWAP_INVALID_OPTION', what)
    this.name = 'InvalidOptionError'
  }
}

/** More wants than one session or this peer may have. */
export class WantlistFullError extends BitswapError {
  constructor(what: string) {
    super('BITSWAP_WANTLIST_FULL', what)
    this.name = 'WantlistFullError'
  }
}

/** The block is larger than `maxSizeBytes` of the caller. */
export class BlockTooLargeError extends BitswapError {
  constructor(what: string) {
    super('BITSWAP_BLOCK_TOO_LARGE', what)
    this.name = 'BlockTooLargeError'
  }
}

/** The session was closed before the block came. */
export class SessionClosedError extends BitswapError {
  constructor() {
    super('BITSWAP_SESSION_CLOSED', 'the session is closed')
    this.name = 'SessionClosedError'
  }
}

/** Bytes that are no Bitswap message; the stream that brought them is reset. */
export class MalformedMessageError extends BitswapError {
  constructor(what: string) {
    super('BITSWAP_MALFORMED', what)
    this.name = 'MalformedMessageError'
  }
}
