import { parseCid, type WireCid } from '../cid/parse.ts'
import type { WantlistEntry } from '../wire/message.ts'
import { Engine, type EngineSettings, type Envelope } from './engine.ts'

const defaults: EngineSettings = {
  maxWantsPerPeer: 1024,
  remoteWants: 10_000,
  targetMessageBytes: 65_536,
  wantHaveReplaceBytes: 1024,
  mayHave: () => true
}

export function cid(number: number, codec = 0x55): WireCid {
  const bytes = new Uint8Array(36)
  bytes.set([1, codec, 0x12, 32])
  new DataView(bytes.buffer).setUint32(4, number)
  const parsed = parseCid(bytes)
  if (parsed === undefined) throw new Error('no cid')
  return parsed
}

export function entry(number: number, options: Partial<WantlistEntry> = {}): WantlistEntry {
  return { cid: cid(number), priority: 1, cancel: false, type: 'block', sendDontHave: true, ...options }
}

const numberOf = ({ bytes }: WireCid): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)

/** An engine with a store of sizes, whose answers read as text. */
export class Bench {
  readonly sizes = new Map<number, number>()
  readonly woken: string[] = []
  readonly engine: Engine

  constructor(settings: Partial<EngineSettings> = {}) {
    this.engine = new Engine({ ...defaults, ...settings }, (peer) => this.woken.push(peer))
    this.engine.peerConnected('p')
  }

  store(number: number, size: number): void {
    this.sizes.set(number, size)
    this.engine.announced(cid(number).key, size)
  }

  ask(entries: WantlistEntry[], full = false): void {
    for (const want of this.engine.received('p', entries, full)) {
      this.engine.found('p', want, this.sizes.get(numberOf(want.cid)))
    }
  }

  /** The next message, sent. */
  say(): string[] {
    const envelope = this.engine.next('p')
    if (envelope === undefined) return []
    this.engine.sent('p', envelope.tasks)
    return this.text(envelope)
  }

  text({ tasks }: Envelope): string[] {
    return tasks.map(({ answer, want }) => `${answer} ${numberOf(want.cid)}`)
  }

  wants(): number[] {
    return [...this.engine.wantlist('p')].map((want) => numberOf(want.cid)).sort((a, b) => a - b)
  }
}
