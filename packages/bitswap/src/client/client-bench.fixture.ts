import { parseCid, type WireCid } from '../cid/parse.ts'
import { type Answers, Client, type ClientSettings } from './client.ts'
import { defaultDontHaveTimeout } from './dont-have-timeout.ts'
import type { SessionState } from './session-state.ts'

const defaults: ClientSettings = {
  maxWantsPerPeer: 960,
  maxInFlightBytes: 64 * 1024 * 1024,
  simulateDontHave: true,
  dontHaveTimeout: defaultDontHaveTimeout,
  queuedWantsPerSession: 100_000,
  ownWants: 262_144
}
export const everybody = { broadcast: true, fixedPeers: false }

/** A CID whose digest begins with the number; `codec` makes another form of the same block. */
export function cid(number: number, codec = 0x55): WireCid {
  const bytes = new Uint8Array(36)
  bytes.set([1, codec, 0x12, 32])
  new DataView(bytes.buffer).setUint32(4, number)
  const parsed = parseCid(bytes)
  if (parsed === undefined) throw new Error('no cid')
  return parsed
}

/** A client with a clock that is moved by hand, whose messages read as text. */
export class Bench {
  nowMs = 0
  readonly woken = new Set<string>()
  readonly client: Client
  readonly session: SessionState

  constructor(settings: Partial<ClientSettings> = {}) {
    this.client = new Client(
      { ...defaults, ...settings },
      (peer) => this.woken.add(peer),
      () => 0
    )
    this.session = this.client.openSession(everybody)
  }

  connect(...peers: string[]): void {
    for (const peer of peers) this.client.peerConnected(peer, this.nowMs)
  }

  want(...cids: WireCid[]): void {
    for (const one of cids) this.client.want(this.session, one, this.nowMs)
  }

  /** What the peer is told: `have 1`, `block 1`, `cancel 1`, with `?` when a DONT_HAVE is asked for. */
  told(peer: string, supportsHave = true): string[] {
    return this.client.compose(peer, supportsHave, this.nowMs).map(({ cid: bytes, cancel, type, sendDontHave }) => {
      const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)
      return `${cancel ? 'cancel' : type} ${number}${sendDontHave ? '?' : ''}`
    })
  }

  answer(peer: string, answers: Partial<Record<'haves' | 'dontHaves' | 'blocks', WireCid[]>>, size = 2000): number {
    const received: Answers = {
      haves: answers.haves ?? [],
      dontHaves: answers.dontHaves ?? [],
      blocks: (answers.blocks ?? []).map(({ key }) => ({ key, bytes: size }))
    }
    return this.client.received(peer, received, this.nowMs).size
  }

  pass(ms: number): void {
    for (const until = this.nowMs + ms; this.nowMs < until;) {
      this.nowMs += 100
      this.client.tick(this.nowMs)
    }
  }
}
