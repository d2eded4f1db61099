/** Traffic of one protocol: bytes, and bytes a second. */
export interface Bandwidth {
  readonly totalIn: bigint
  readonly totalOut: bigint
  readonly rateIn: number
  readonly rateOut: number
}

/** Traffic by protocol id; the empty id stands for what came before a protocol was chosen. */
export type BandwidthByProtocol = ReadonlyMap<string, Bandwidth>
