/** Pins a CID; says whether that was acknowledged. A peer that is gone acknowledges nothing. */
export async function pin(restUrl: string, cid: string, query = ''): Promise<boolean> {
  try {
    const response = await fetch(`${restUrl}/pins/${cid}${query}`, { method: 'POST' })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

/** Unpins a CID; says whether that was acknowledged. */
export async function unpin(restUrl: string, cid: string): Promise<boolean> {
  const response = await fetch(`${restUrl}/pins/${cid}`, { method: 'DELETE' })
  await response.arrayBuffer()
  return response.status === 200
}

/** A pin as a peer lists it. */
export interface ListedPin {
  readonly cid: string
  readonly name: string
  readonly mode: string
  readonly replication_factor_min: number
  readonly replication_factor_max: number
  readonly metadata: Readonly<Record<string, string>> | null
}

/** The pinset of a peer. */
export async function* pinset(restUrl: string): AsyncGenerator<ListedPin> {
  const response = await fetch(`${restUrl}/allocations`)
  if (response.status === 204 || response.body === null) return
  if (response.status !== 200) throw new Error(`${restUrl}: status ${response.status.toString()}`)
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as ListedPin
  }
}

/** The CIDs of the pinset of a peer, in its order; empty while it does not answer. */
export async function cids(restUrl: string): Promise<string[]> {
  try {
    return await Array.fromAsync(pinset(restUrl), ({ cid }) => cid)
  } catch {
    return []
  }
}
