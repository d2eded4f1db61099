import type { Clock } from '@cluster/api'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { IDENTITY, parseCid, type WireCid } from '../cid/parse.ts'
import { BitswapNotStartedError, BitswapStoppedError, InsecureHashError, InvalidCidError } from '../errors.ts'
import type { BitswapSession, PeerTarget, SessionOptions } from '../interface.ts'
import { MAX_CID_BYTES } from '../wire/constants.ts'
import type { Verifier } from '../verify/verifier.ts'
import type { Client } from './client.ts'
import type { Notifications } from './notifications.ts'
import { Session } from './session.ts'

/** What the fetching side works with. */
export interface FetcherOptions {
  readonly client: Client
  readonly notifications: Notifications
  readonly verifier: Verifier
  readonly clock: Clock
  readonly minDigestBytes: number
  /** Connects to a peer. */
  dial(target: PeerTarget, options: AbortOptions): Promise<PeerId>
  /** The peer of a name, while it is connected. */
  peer(name: string): PeerId | undefined
}

/** How often silent peers and idle sessions are looked for, while something is wanted. */
const TICK_MS = 100

/** The promises and timers around the bookkeeping of the client. */
export class Fetcher {
  readonly options: FetcherOptions
  readonly #sessions = new Set<Session>()
  #running = false
  #cancelTick: (() => void) | undefined

  constructor(options: FetcherOptions) {
    this.options = options
  }

  start(): void {
    this.#running = true
  }

  /** Ends all waits. */
  stop(): void {
    this.#running = false
    this.#cancelTick?.()
    this.#cancelTick = undefined
    for (const session of [...this.#sessions]) session.close(new BitswapStoppedError())
  }

  open(options: SessionOptions = {}): BitswapSession {
    const session = new Session(this, options, () => this.#sessions.delete(session))
    this.#sessions.add(session)
    return session
  }

  /** @throws BitswapNotStartedError */
  assertRunning(): void {
    if (!this.#running) throw new BitswapNotStartedError()
  }

  /**
   * The CID as it goes on the wire, or the block itself when the CID holds it.
   *
   * @throws InvalidCidError
   */
  parse(value: unknown): WireCid | { readonly inline: Uint8Array } {
    const cid = CID.asCID(value)
    if (cid === null) throw new InvalidCidError('not a CID')
    // An identity CID must never go on a want list: boxo before 0.38 closes the connection.
    if (cid.multihash.code === IDENTITY) return { inline: cid.multihash.digest }
    if (cid.bytes.length > MAX_CID_BYTES) throw new InvalidCidError(`${cid.toString()} is longer than a want may be`)
    const wire = parseCid(cid.bytes)
    if (wire === undefined) throw new InvalidCidError(`${cid.toString()} is no CID`)
    return wire
  }

  /** Checks that what comes for a CID can be verified. @throws InsecureHashError */
  async assertVerifiable(cid: CID): Promise<void> {
    if (cid.multihash.size < this.options.minDigestBytes) {
      throw new InsecureHashError(`the digest of ${cid.toString()} is too short`)
    }
    if (!(await this.options.verifier.supports(cid.multihash.code))) {
      throw new InsecureHashError(`the hash function of ${cid.toString()} is unknown`)
    }
  }

  /** Something is wanted: time matters from now on. */
  watch(): void {
    const { client, clock } = this.options
    if (!this.#running || this.#cancelTick !== undefined || !client.busy) return
    this.#cancelTick = clock.setTimer(clock.nowMs() + TICK_MS, () => {
      this.#cancelTick = undefined
      client.tick(clock.nowMs())
      this.watch()
    })
  }
}
