/** How many pins there are, and how many of them are in which status; names of statuses as the API gives them. */
export interface PinCounts {
  readonly pins: number
  /** Over all peers: a pin counts once for each peer that tells of it. */
  readonly statuses: Readonly<Record<string, number>>
  /** By peer ID. */
  readonly peers: Readonly<Record<string, Readonly<Record<string, number>>>>
}
