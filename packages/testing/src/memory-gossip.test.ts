import { describe, expect, it } from 'vitest'
import { settle } from './manual-clock.ts'
import { MemoryGossip } from './memory-gossip.ts'
import { testPeerId } from './test-peer-id.ts'
import type { Topic } from '@cluster/api'

const [a, b, c] = [testPeerId(1), testPeerId(2), testPeerId(3)]

/** Texts read so far, with their senders, until the topic ends. */
function reading(topic: Topic): string[] {
  const texts: string[] = []
  void (async () => {
    for await (const { from, data } of topic.messages()) texts.push(`${from.equals(a) ? 'a' : 'b'}:${String(data)}`)
    texts.push('end')
  })()
  return texts
}

describe('MemoryGossip', () => {
  it('delivers in order to all subscribers that take it, the publisher included', async () => {
    const gossip = new MemoryGossip((from, to) => !(from.equals(a) && to.equals(c)))
    const [at, bt, ct] = [a, b, c].map((peer) =>
      gossip.join(peer).subscribe('t', (from) => !from.equals(b) || peer !== a)
    )
    if (at === undefined || bt === undefined || ct === undefined) throw new Error('no topics')
    const texts = [at, bt, ct].map(reading)
    const elsewhere = reading(gossip.join(c).subscribe('other'))
    await at.publish(Uint8Array.of(1))
    await at.publish(Uint8Array.of(2))
    await bt.publish(Uint8Array.of(3))
    await settle()
    expect(texts).toEqual([['a:1', 'a:2'], ['a:1', 'a:2', 'b:3'], ['b:3']])
    expect(elsewhere).toEqual([])
    expect(at.subscribers()).toEqual([b, c])
    bt.unsubscribe()
    await settle()
    expect(texts[1]?.at(-1)).toBe('end')
    expect(at.subscribers()).toEqual([c])
    await expect(bt.publish(Uint8Array.of(4))).rejects.toThrow('not subscribed')
  })

  it('tells both sides of a new subscriber', async () => {
    const gossip = new MemoryGossip()
    const seen: string[] = []
    const at = gossip.join(a).subscribe('t')
    const off = at.onSubscribed((peer) => seen.push(`a sees ${String(peer.equals(b))}`))
    gossip
      .join(b)
      .subscribe('t')
      .onSubscribed((peer) => seen.push(`b sees ${String(peer.equals(a))}`))
    await settle()
    expect(seen).toEqual(['a sees true', 'b sees true'])
    off()
    gossip.join(c).subscribe('t')
    await settle()
    expect(seen).toEqual(['a sees true', 'b sees true', 'b sees false'])
  })

  it('breaks off reading on an aborted signal', async () => {
    const abort = new AbortController()
    const messages = new MemoryGossip().join(a).subscribe('t').messages({ signal: abort.signal })
    const reading = Array.fromAsync(messages)
    abort.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })
})
