import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 20

/** How many pins a peer lists, read as a stream, without keeping them. */
async function countPins(url: string): Promise<number> {
  const response = await fetch(`${url}/allocations`)
  if (response.status === 204) return 0
  if (response.status !== 200 || response.body === null) throw new Error(`${url}: status ${response.status.toString()}`)
  let lines = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    for (let at = chunk.indexOf(LINE_END); at !== -1; at = chunk.indexOf(LINE_END, at + 1)) lines++
  }
  return lines
}
const LINE_END = 0x0a

/** Whether a peer lists this pin. */
async function hasPin(url: string, cid: string): Promise<boolean> {
  const response = await fetch(`${url}/allocations/${cid}`)
  await response.arrayBuffer()
  return response.status === 200
}

/** When a peer listed all pins. */
export interface Visible {
  /** Unix milliseconds at the begin of the first listing that had all of them. */
  readonly atMs: number
  readonly pins: number
}

/**
 * Waits until a peer lists all pins. It asks for those that were pinned last before it lists, so that looking costs the
 * peer little.
 *
 * @param last - CIDs that were pinned last
 * @returns what it listed when the time was over, if there never were all
 */
export async function untilVisible(
  url: string,
  wanted: number,
  last: readonly string[],
  limitMs: number
): Promise<Visible> {
  const endMs = Date.now() + limitMs
  const missing = [...last]
  for (;;) {
    while (missing.length > 0 && Date.now() < endMs) {
      const [cid = ''] = missing.slice(-1)
      if (await hasPin(url, cid)) missing.pop()
      else await pause(POLL_MS)
    }
    const atMs = Date.now()
    const pins = await countPins(url)
    if (pins >= wanted || atMs > endMs) return { atMs, pins }
    await pause(POLL_MS)
  }
}
