import { CLUSTER_VERSION, pinOf, type BaseContext, type PinsetOperation } from '@cluster/api'
import { CrdtConsensus, crdtConfig, type CrdtConfig } from '@cluster/consensus-crdt'
import type { CrdtStorage } from '@cluster/merkle-crdt'
import { createLogging, parseLogLevels } from '@cluster/observability'
import { MemoryExchangeHub, MemoryGossip, MemoryMetrics, testPeerId } from '@cluster/testing'
import { hash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { clock } from '../merkle-crdt/bench-store.ts'

const RAW = 0x55
const SHA2_256 = 0x12

/** The consensus of a peer that is alone, over a datastore; it logs to nowhere, at the level of a daemon. */
export async function loneConsensus(
  datastore: CrdtStorage,
  batching: CrdtConfig['batching'] = crdtConfig.defaults.batching
): Promise<CrdtConsensus> {
  const self = testPeerId(1)
  const logging = createLogging({ levels: parseLogLevels('info'), format: 'nocolor', output: { write: () => true } })
  const context: BaseContext = {
    self,
    peername: 'bench',
    baseDir: '.',
    log: logging.logger('crdt'),
    libp2pLogger: logging.libp2p,
    metrics: undefined,
    clock,
    random: () => Math.random(),
    signal: new AbortController().signal,
    fatal: (error) => {
      throw error
    }
  }
  const consensus = new CrdtConsensus(
    {
      ...context,
      datastore,
      exchange: new MemoryExchangeHub().join(self),
      network: { ...new MemoryGossip().join(self), keep: () => Promise.resolve() },
      monitor: new MemoryMetrics(clock).join(self),
      bootstrap: undefined
    },
    { ...crdtConfig.defaults, batching }
  )
  await consensus.start({})
  return consensus
}

/** An ordinary pin. */
function pinOperation(index: number): PinsetOperation {
  const cid = CID.createV1(RAW, Digest.create(SHA2_256, hash('sha256', index.toString(), 'buffer')))
  const name = `pin ${index.toString()} of ${CLUSTER_VERSION}`
  return { type: 'pin', pin: pinOf(cid, { name, replicationFactorMin: -1, replicationFactorMax: -1 }) }
}

/** What callers got done. */
export interface Outcome {
  readonly pins: number
  readonly seconds: number
  /** What this process computed meanwhile: on a busy machine it says more than the time that went by. */
  readonly cpuSeconds: number
}

/** Commits pins one by one with so many callers, each of which waits for its answer, and fails as the first of them. */
export async function commitFor(
  consensus: Pick<CrdtConsensus, 'commit'>,
  callers: number,
  seconds: number,
  first: number
): Promise<Outcome> {
  let pins = 0
  const before = process.cpuUsage()
  const startMs = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < startMs + seconds * 1000) {
        const [error] = await consensus.commit([pinOperation(first + pins++)], {})
        if (error !== undefined) throw error
      }
    })
  )
  const { user, system } = process.cpuUsage(before)
  return { pins, seconds: (performance.now() - startMs) / 1000, cpuSeconds: (user + system) / 1e6 }
}
