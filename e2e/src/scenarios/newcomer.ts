import { LevelPeerDatastore } from '@cluster/datastore-leveldb'
import { contentCid, InstantDaemons, Link, writeHistory, type PeerProcess } from '@cluster/processes'
import { Key } from 'interface-datastore'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually, newSecret, TestCluster, type TestPeer } from '../test-cluster.ts'
import { cids } from './rest.ts'

/** What a newcomer has to take in, and what happens to it. */
export interface NewcomerInit {
  readonly pins: number
  readonly pinsPerBlock: number
  readonly kills: number
  readonly seed: string
  /** How long taking it all in lasts at least, so that there is time to kill. */
  readonly seconds: number
}

/** What came of it. */
export interface NewcomerResult {
  /** What a newcomer needs that nobody disturbs. */
  readonly undisturbed: { readonly bytes: number; readonly seconds: number }
  /** After each kill: bytes that came since the last one, and entries of the history that are on disk. */
  readonly kills: readonly { readonly bytes: number; readonly entries: number }[]
  /** What came in all runs together. */
  readonly bytes: number
  /** At the end, compared with the peer that it learned them from. */
  readonly pins: number
  readonly areEqual: boolean
}

const HEAL_LIMIT_MS = 600_000
/** So little in such a time is rest. */
const REST_BYTES = 10_000
const QUIET_MS = 1500
/** Nobody listens there: the newcomer is reached over its own connection only, which is the one that is measured. */
const NOWHERE = '/ip4/127.0.0.1/tcp/9'

/** A newcomer joins a cluster, over a connection that counts, and is killed on the way. */
export async function newcomer(init: NewcomerInit): Promise<NewcomerResult> {
  await using daemons = await InstantDaemons.start(3)
  await using cluster = await TestCluster.create()
  await using link = await Link.open()
  const secret = newSecret()
  const linked = `/ip4/127.0.0.1/tcp/${link.port.toString()}`
  const peer = (name: string, index: number, announce: string): Promise<TestPeer> => {
    const env = {
      CLUSTER_ANNOUNCEMULTIADDRESS: announce,
      CLUSTER_IPFSHTTP_NODEMULTIADDRESS: daemons.address(index)
    }
    return cluster.peer(name, secret, env, ['--ipfs', 'ipfshttp'])
  }
  const old = await peer('old', 0, linked)
  link.target = Number(old.address.split('/')[4])
  await writeHistory(old.folder, init)
  await old.start().ready()
  const join = ['-j', `${linked}/p2p/${old.id}`]

  const begun = performance.now()
  const reference = await peer('undisturbed', 1, NOWHERE)
  const process = reference.start(...join)
  await untilThere(reference, init)
  await untilQuiet(link)
  const undisturbed = { bytes: link.bytes, seconds: (performance.now() - begun) / 1000 }
  await process.stop()

  const victim = await peer('newcomer', 2, NOWHERE)
  link.bytesPerSecond = Math.ceil(undisturbed.bytes / init.seconds)
  const start = link.bytes
  const kills: { bytes: number; entries: number }[] = []
  for (let count = 1; count <= init.kills; count++) {
    const before = link.bytes
    const running = victim.start(...join)
    await untilPassed(link, start + (undisturbed.bytes * (count + 1)) / (init.kills + 2), running)
    await running.kill()
    kills.push({ bytes: link.bytes - before, entries: await storedEntries(victim) })
  }
  link.bytesPerSecond = 0
  await victim.start(...join).ready()
  await untilThere(victim, init)
  await untilQuiet(link)
  const bytes = link.bytes - start
  const [there, here] = await Promise.all([old, victim].map((each) => cids(urlOf(each))))
  return { undisturbed, kills, bytes, pins: here?.length ?? 0, areEqual: there?.join() === here?.join() }
}

function urlOf({ restPort }: TestPeer): string {
  return `http://127.0.0.1:${restPort.toString()}`
}

/** Waits until a peer lists all pins. It asks for the oldest one until that is there, which costs the peer less. */
async function untilThere(peer: TestPeer, { pins, seed }: NewcomerInit): Promise<void> {
  const oldest = `${urlOf(peer)}/allocations/${contentCid(`${seed} 0`)}`
  await eventually(
    () => statusOf(oldest),
    (status) => status === 200,
    HEAL_LIMIT_MS
  )
  await eventually(
    async () => (await cids(urlOf(peer))).length,
    (listed) => listed >= pins,
    HEAL_LIMIT_MS
  )
}

/** The status of an answer; 0 while there is none. */
async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url)
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

/** Waits until nothing comes any more but what peers at rest tell each other: old blocks may follow the pins. */
async function untilQuiet(link: Link): Promise<void> {
  let before = -REST_BYTES
  while (link.bytes - before >= REST_BYTES) {
    before = link.bytes
    await pause(QUIET_MS)
  }
}

/** Waits until so much came over a link; it fails when the peer ends before. */
async function untilPassed(link: Link, bytes: number, process: PeerProcess): Promise<void> {
  const endMs = Date.now() + HEAL_LIMIT_MS
  while (link.bytes < bytes) {
    if (process.hasEnded || Date.now() > endMs)
      throw new Error(`only ${link.bytes.toString()} of ${bytes.toString()} bytes came`)
    await pause(5)
  }
}

/** How much of the history the folder of a peer that does not run holds, in whatever form it was taken in. */
async function storedEntries({ folder }: TestPeer): Promise<number> {
  const store = await LevelPeerDatastore.open(path.join(folder, 'leveldb'))
  let entries = 0
  for await (const page of store.scan({ gte: new Key('/c/'), lt: new Key('/c0') })) entries += page.length
  await store.close()
  return entries
}
