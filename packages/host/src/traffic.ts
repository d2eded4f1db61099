import type { Metrics, Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** What one protocol has sent and received: bytes, and bytes a second. */
export interface Traffic {
  readonly totalIn: bigint
  readonly totalOut: bigint
  readonly rateIn: number
  readonly rateOut: number
}

/** Rates are averages that forget: after so many milliseconds without traffic about a third is left. */
const memoryMs = 4000

/** Counts the bytes of streams by protocol. What was exchanged to choose the protocol is not counted. */
export class TrafficMeter {
  readonly #nowMs: () => number
  readonly #protocols = new Map<string, { readonly in: Flow; readonly out: Flow }>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Counts what goes through a stream from now on, and what is waiting to be read. */
  track(stream: Stream): void {
    const { protocol } = stream
    const flows = this.#protocols.get(protocol) ?? { in: new Flow(), out: new Flow() }
    this.#protocols.set(protocol, flows)
    flows.in.add(stream.readBufferLength, this.#nowMs())
    const send = stream.send.bind(stream)
    stream.send = (data) => {
      flows.out.add(data.byteLength, this.#nowMs())
      return send(data)
    }
    // A listener for messages would take the first ones away from the handler, which is not there yet.
    const receiving = stream as Stream & { onData?: (data: Uint8Array | Uint8ArrayList) => void }
    const onData = receiving.onData?.bind(receiving)
    if (onData === undefined) return
    receiving.onData = (data) => {
      flows.in.add(data.byteLength, this.#nowMs())
      onData(data)
    }
  }

  /** What every protocol used so far has sent and received. */
  read(): ReadonlyMap<string, Traffic> {
    const nowMs = this.#nowMs()
    return new Map(
      [...this.#protocols].map(([protocol, flows]) => [
        protocol,
        {
          totalIn: BigInt(flows.in.total),
          totalOut: BigInt(flows.out.total),
          rateIn: flows.in.rate(nowMs),
          rateOut: flows.out.rate(nowMs)
        }
      ])
    )
  }
}

class Flow {
  total = 0
  #rate = 0
  #ratedMs = -Infinity

  add(bytes: number, nowMs: number): void {
    this.total += bytes
    this.#rate = this.rate(nowMs) + (bytes * 1000) / memoryMs
    this.#ratedMs = nowMs
  }

  rate(nowMs: number): number {
    return this.#rate === 0 ? 0 : this.#rate * Math.exp(-Math.max(0, nowMs - this.#ratedMs) / memoryMs)
  }
}

/**
 * Makes libp2p show its streams to a meter: this is the only place where it does.
 *
 * @param inner - the metrics of libp2p; without them they are dropped
 */
export function metered<Components>(
  meter: TrafficMeter,
  inner: ((components: Components) => Metrics) | undefined
): (components: Components) => Metrics {
  return (components) => {
    const metrics = inner?.(components) ?? droppedMetrics()
    const track = metrics.trackProtocolStream.bind(metrics)
    metrics.trackProtocolStream = (stream) => {
      meter.track(stream)
      track(stream)
    }
    return metrics
  }
}

const nothing = (): void => undefined
const dropped = {
  update: nothing,
  increment: nothing,
  decrement: nothing,
  reset: nothing,
  observe: nothing,
  timer: () => nothing
}

function droppedMetrics(): Metrics {
  const register = (): typeof dropped => dropped
  return {
    trackMultiaddrConnection: nothing,
    trackProtocolStream: nothing,
    registerMetric: register,
    registerMetricGroup: register as Metrics['registerMetricGroup'],
    registerCounter: register,
    registerCounterGroup: register as Metrics['registerCounterGroup'],
    registerHistogram: register,
    registerHistogramGroup: register as Metrics['registerHistogramGroup'],
    registerSummary: register,
    registerSummaryGroup: register as Metrics['registerSummaryGroup'],
    traceFunction: ((_name: string, fn: unknown) => fn) as Metrics['traceFunction'],
    createTrace: nothing
  }
}
