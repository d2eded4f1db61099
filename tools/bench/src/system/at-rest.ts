import { topicName } from '@cluster/consensus-crdt'
import { setTimeout as pause } from 'node:timers/promises'
import type { Job } from '../job.ts'
import { residentMiB } from '../memory.ts'
import { BenchPeers } from './bench-peers.ts'
import { joinNetwork } from './rpc.ts'

const REST_SECONDS = 60
const METRICS_TOPIC = 'monitor.metrics'
const CRDT_TOPIC = topicName('ipfs-cluster')

/** What peers cost that have nothing to do. */
export const atRest: Job = async (say) => {
  await using peers = await BenchPeers.create()
  const first = await peers.start()
  say({ name: 'From `daemon` to ready, first start', value: first.readyMs, unit: 'ms' })
  await pause(10_000)
  const idle = first.process.pid === undefined ? undefined : await residentMiB(first.process.pid)
  if (idle !== undefined) say({ name: 'Memory of an idle peer, after 10 s', value: idle, unit: 'MiB' })

  await peers.start()
  await peers.start()
  const { host } = await joinNetwork(first, peers.secret)
  let messages = 0
  for (const name of [METRICS_TOPIC, CRDT_TOPIC]) {
    const topic = host.subscribe(name)
    void (async () => {
      for await (const { from } of topic.messages()) if (!from.equals(host.peerId)) messages++
    })()
  }
  await pause(REST_SECONDS * 1000)
  say({ name: 'Messages at rest, three peers', value: (messages * 60) / REST_SECONDS, unit: '/min' })
  await host.stop()
}
