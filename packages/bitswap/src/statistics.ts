import type { PeerId } from '@libp2p/interface'
import type { Receipt } from './interface.ts'

/** Counters since the start. @see bitswap.md §4.3.2 */
export interface BitswapStat {
  readonly wantlist: number
  readonly blocksReceived: number
  readonly dataReceived: number
  /** Of these, blocks and bytes that had come before. */
  readonly dupBlksReceived: number
  readonly dupDataReceived: number
  readonly messagesReceived: number
  readonly blocksSent: number
  readonly dataSent: number
  readonly messagesSent: number
  readonly peers: number
  /** With the names that Kubo uses. */
  toKuboJSON(): Record<string, number | string[]>
}

interface Traffic {
  sent: number
  received: number
  exchanged: number
}

/** Blocks that are remembered to tell that one came again. @see bitswap.md §4.10 */
const SEEN_BLOCKS = 8192

/** Counts what goes in and out. */
export class Statistics {
  readonly #seen = new Set<string>()
  readonly #peers = new Map<string, Traffic>()
  #blocksReceived = 0
  #dataReceived = 0
  #dupBlksReceived = 0
  #dupDataReceived = 0
  #messagesReceived = 0
  #blocksSent = 0
  #dataSent = 0
  #messagesSent = 0

  /** @returns whether the block had come before */
  received(peer: string, key: string, bytes: number): boolean {
    const duplicate = this.#seen.delete(key)
    this.#seen.add(key)
    if (this.#seen.size > SEEN_BLOCKS) {
      const oldest = this.#seen.values().next().value
      if (oldest !== undefined) this.#seen.delete(oldest)
    }
    this.#blocksReceived += 1
    this.#dataReceived += bytes
    this.#dupBlksReceived += Number(duplicate)
    this.#dupDataReceived += duplicate ? bytes : 0
    const traffic = this.#peers.get(peer)
    if (traffic !== undefined) traffic.received += bytes
    return duplicate
  }

  messageReceived(peer: string, blocks: number): void {
    this.#messagesReceived += 1
    this.#exchanged(peer, blocks)
  }

  messageSent(peer: string, blocks: number, bytes: number): void {
    this.#messagesSent += 1
    this.#blocksSent += blocks
    this.#dataSent += bytes
    this.#exchanged(peer, blocks)
    const traffic = this.#peers.get(peer)
    if (traffic !== undefined) traffic.sent += bytes
  }

  peerConnected(peer: string): void {
    this.#peers.set(peer, { sent: 0, received: 0, exchanged: 0 })
  }

  peerDisconnected(peer: string): void {
    this.#peers.delete(peer)
  }

  receipt(peer: PeerId): Receipt {
    const { sent, received, exchanged } = this.#peers.get(peer.toString()) ?? { sent: 0, received: 0, exchanged: 0 }
    return { peer, value: sent / (received + 1), sent, recv: received, exchanged }
  }

  /** @param wantlist - CIDs wanted now */
  stat(wantlist: readonly string[], peers: readonly string[]): BitswapStat {
    const stat = {
      wantlist: wantlist.length,
      blocksReceived: this.#blocksReceived,
      dataReceived: this.#dataReceived,
      dupBlksReceived: this.#dupBlksReceived,
      dupDataReceived: this.#dupDataReceived,
      messagesReceived: this.#messagesReceived,
      blocksSent: this.#blocksSent,
      dataSent: this.#dataSent,
      messagesSent: this.#messagesSent,
      peers: peers.length
    }
    return {
      ...stat,
      toKuboJSON: () => ({
        Wantlist: [...wantlist],
        Peers: peers.toSorted(),
        BlocksReceived: stat.blocksReceived,
        DataReceived: stat.dataReceived,
        DupBlksReceived: stat.dupBlksReceived,
        DupDataReceived: stat.dupDataReceived,
        MessagesReceived: stat.messagesReceived,
        BlocksSent: stat.blocksSent,
        DataSent: stat.dataSent
      })
    }
  }

  #exchanged(peer: string, blocks: number): void {
    const traffic = this.#peers.get(peer)
    if (traffic !== undefined && blocks > 0) traffic.exchanged += 1
  }
}
