import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { FoundPeers, type Attempt } from './found-peers.ts'

const peer = peerIdFromString('12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw')
const addresses = [multiaddr('/ip4/127.0.0.1/tcp/4')]

function setup(outcome: () => Attempt) {
  const state = { nowMs: 0, attempts: 0, connected: false }
  const found = new FoundPeers({
    isConnected: () => state.connected,
    attempt: () => {
      state.attempts += 1
      return Promise.resolve(outcome())
    },
    nowMs: () => state.nowMs
  })
  /** Found every second for so long: how often was it tried? */
  const attemptsWithin = async (seconds: number): Promise<number> => {
    const before = state.attempts
    for (let second = 0; second < seconds; second += 1) {
      found.found(peer, addresses)
      await Promise.resolve()
      await Promise.resolve()
      state.nowMs += 1000
    }
    return state.attempts - before
  }
  return { state, found, attemptsWithin }
}

describe('peers found on the network', () => {
  it('of another cluster are tried ever more seldom, at most once an hour in the end', async () => {
    const { attemptsWithin } = setup(() => 'stranger')
    expect(await attemptsWithin(3600)).toBe(4)
    await attemptsWithin(4 * 3600)
    expect(await attemptsWithin(10 * 3600)).toBe(10)
  })

  it('that cannot be reached are tried every five minutes in the end, and at once after a success', async () => {
    let outcome: Attempt = 'unreachable'
    const { attemptsWithin } = setup(() => outcome)
    expect(await attemptsWithin(60)).toBe(3)
    await attemptsWithin(3600)
    expect(await attemptsWithin(3600)).toBe(12)
    outcome = 'connected'
    await attemptsWithin(300)
    outcome = 'unreachable'
    await attemptsWithin(2)
    expect(await attemptsWithin(60)).toBeLessThanOrEqual(4)
  })

  it('are left alone while connected', async () => {
    const { state, attemptsWithin } = setup(() => 'connected')
    state.connected = true
    expect(await attemptsWithin(10)).toBe(0)
  })

  it('are tried four at a time, and the rest in turn', async () => {
    const open: (() => void)[] = []
    const tried: string[] = []
    const found = new FoundPeers({
      isConnected: () => false,
      attempt: (one) => {
        tried.push(one.toString())
        return new Promise((resolve) => {
          open.push(() => {
            resolve('connected')
          })
        })
      },
      nowMs: () => 0
    })
    const peers = await Promise.all(
      Array.from({ length: 300 }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
    )
    for (const one of peers) found.found(one, addresses)
    expect(tried).toHaveLength(4)
    while (open.length > 0) {
      open.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    // 4 at once and 256 waiting; the rest turns up again.
    expect(tried).toHaveLength(260)
  })
})
