import { pinOf } from '@cluster/api'
import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { DagBlocks, MerkleCrdt } from '@cluster/merkle-crdt'
import { pinToPair } from '@cluster/state'
import { peerIdFromString } from '@libp2p/peer-id'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { contentCid } from './content-cid.ts'

/** What a history is made of. */
export interface HistoryInit {
  readonly pins: number
  /** 1: each pin is a block of its own, as without batching. */
  readonly pinsPerBlock: number
  /** Pin number `n` is `contentCid('<seed> <n>')`. */
  readonly seed: string
  /** The peer ID of the only one who is to hold them; default everybody. */
  readonly holder?: string
}

const NAMESPACE = '/c'
const silent = (): undefined => undefined

/**
 * Writes a pinset into the folder of a peer that does not run, as if that peer had pinned one after the other: much
 * faster than by asking it.
 */
export async function writeHistory(folder: string, { pins, pinsPerBlock, seed, holder }: HistoryInit): Promise<void> {
  const storage = await LevelPeerDatastore.open(join(folder, 'leveldb'), { sync: false })
  const crdt = await MerkleCrdt.open({
    storage,
    namespace: NAMESPACE,
    blocks: new DagBlocks(storage, NAMESPACE),
    clock: {
      nowMs: Date.now,
      setTimer: (atMs, fn) => {
        const timer = setTimeout(fn, atMs - Date.now())
        return () => {
          clearTimeout(timer)
        }
      },
      soon: setImmediate
    },
    random: Math.random,
    log: { debug: silent, info: silent, warn: console.warn, error: console.error }
  })
  for (let at = 0; at < pins; at += pinsPerBlock) {
    const some = Array.from({ length: Math.min(pinsPerBlock, pins - at) }, (_, index) => {
      const cid = CID.parse(contentCid(`${seed} ${(at + index).toString()}`))
      const copies = holder === undefined ? -1 : 1
      const pin = pinOf(cid, { replicationFactorMin: copies, replicationFactorMax: copies })
      const allocations = holder === undefined ? [] : [peerIdFromString(holder)]
      const { key, value } = pinToPair({ ...pin, allocations })
      return { type: 'put' as const, key: key.toString(), value }
    })
    await crdt.commit(some)
  }
  await crdt.close()
  await storage.close()
}
