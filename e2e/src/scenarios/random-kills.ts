import { contentCid, InstantDaemons, type PeerProcess } from '@cluster/processes'
import { seededRandom } from '@cluster/testing'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually, newSecret, TestCluster, type TestPeer } from '../test-cluster.ts'
import { cids, pin } from './rest.ts'

/** How hard it gets. */
export interface RandomKillsInit {
  readonly peers: number
  readonly writers: number
  readonly seconds: number
  readonly seed: number
}

/** What came of it. */
export interface RandomKillsResult {
  readonly acknowledged: number
  /** Calls that failed: nothing was promised. */
  readonly refused: number
  readonly kills: number
  /** Acknowledged pins that a peer does not have, by its name. */
  readonly missing: Readonly<Record<string, number>>
  /** How many pins each has at the end; all are equal when these are and nothing is missing. */
  readonly pinsets: readonly number[]
  readonly areEqual: boolean
}

const BATCHED = { CLUSTER_CRDT_BATCHING_MAXBATCHSIZE: '100', CLUSTER_CRDT_BATCHING_MAXBATCHAGE: '1s' }
const HEAL_LIMIT_MS = 240_000

/** A peer that dies now and then. */
interface Victim {
  readonly peer: TestPeer
  readonly restUrl: string
  process: PeerProcess
  isUp: boolean
}

/**
 * Peers as processes, with batching; writers pin new content at any of them, while peers are killed with -9 and started
 * again. At the end nobody is killed any more, and all have time to catch up.
 */
export async function randomKills(init: RandomKillsInit): Promise<RandomKillsResult> {
  const random = seededRandom(init.seed)
  await using daemons = await InstantDaemons.start(init.peers)
  await using cluster = await TestCluster.create()
  const secret = newSecret()
  const victims: Victim[] = []
  for (let index = 0; index < init.peers; index++) {
    const env = { ...BATCHED, CLUSTER_IPFSHTTP_NODEMULTIADDRESS: daemons.address(index) }
    const peer = await cluster.peer(`peer${index.toString()}`, secret, env, ['--ipfs', 'ipfshttp'])
    const first = victims[0]?.peer
    const process = peer.start(...(first === undefined ? [] : ['-j', first.address]))
    await process.ready()
    victims.push({ peer, process, restUrl: `http://127.0.0.1:${peer.restPort.toString()}`, isUp: true })
  }

  const endMs = Date.now() + init.seconds * 1000
  const acknowledged = new Set<string>()
  let next = 0
  let refused = 0
  const writer = async (): Promise<void> => {
    while (Date.now() < endMs) {
      const up = victims.filter(({ isUp }) => isUp)
      const target = up[Math.floor(random() * up.length)]
      const cid = contentCid(`${init.seed.toString()} ${(next++).toString()}`)
      if (target !== undefined && (await pin(target.restUrl, cid))) acknowledged.add(cid)
      else {
        refused++
        await pause(20)
      }
    }
  }
  let kills = 0
  const killer = async (): Promise<void> => {
    for (;;) {
      await pause(500 + random() * 4000)
      if (Date.now() > endMs) return
      const up = victims.filter(({ isUp }) => isUp)
      // one stays
      const count = Math.min(1 + Math.floor(random() * 3), up.length - 1)
      for (let index = 0; index < count; index++) {
        const [victim] = up.splice(Math.floor(random() * up.length), 1)
        if (victim === undefined) break
        victim.isUp = false
        kills++
        await victim.process.kill()
      }
      await pause(random() * 3000)
      await Promise.all(victims.filter(({ isUp }) => !isUp).map(revive))
    }
  }
  await Promise.all([killer(), ...Array.from({ length: init.writers }, writer)])

  const wanted = [...acknowledged]
  const lists = await eventually(
    () => Promise.all(victims.map(({ restUrl }) => cids(restUrl))),
    (all) => areEqual(all) && isWithin(wanted, all[0] ?? []),
    HEAL_LIMIT_MS
  ).catch(() => Promise.all(victims.map(({ restUrl }) => cids(restUrl))))
  const missing = victims.map(({ peer }, index) => {
    const has = new Set(lists[index])
    return [peer.name, wanted.filter((cid) => !has.has(cid)).length] as const
  })
  return {
    acknowledged: acknowledged.size,
    refused,
    kills,
    missing: Object.fromEntries(missing),
    pinsets: lists.map(({ length }) => length),
    areEqual: areEqual(lists)
  }
}

async function revive(victim: Victim): Promise<void> {
  victim.process = victim.peer.start()
  await victim.process.ready()
  victim.isUp = true
}

function areEqual(lists: readonly (readonly string[])[]): boolean {
  const [first = []] = lists
  return lists.every((list) => list.length === first.length && list.every((cid, at) => cid === first[at]))
}

function isWithin(wanted: readonly string[], list: readonly string[]): boolean {
  const has = new Set(list)
  return wanted.every((cid) => has.has(cid))
}
