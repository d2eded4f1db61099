import type { Pages, Pin, ReadonlyState } from '@cluster/api'
import type { CID } from 'multiformats/cid'
import type { ManyPins } from '../pintracker/many-pins.ts'

const NAMES = 1000
const APPS = 10
const BEGIN_SECONDS = 1_700_000_000
const SPAN_SECONDS = 10_000_000

/** Many pins with names, metadata and times of their own, all of which follow from the CID. */
export class NamedPins implements ReadonlyState {
  readonly #pins: ManyPins

  constructor(pins: ManyPins) {
    this.#pins = pins
  }

  async get(cid: CID): Promise<Pin | undefined> {
    const pin = await this.#pins.get(cid)
    return pin === undefined ? undefined : named(pin)
  }

  async *list(): Pages<Pin> {
    for await (const page of this.#pins.list()) yield page.map(named)
  }
}

function named(pin: Pin): Pin {
  const { digest } = pin.cid.multihash
  const number = new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  return {
    ...pin,
    name: `name-${number % NAMES}`,
    metadata: new Map([['app', `app-${number % APPS}`]]),
    timestamp: BigInt(BEGIN_SECONDS + (number % SPAN_SECONDS)) * 1_000_000_000n
  }
}
