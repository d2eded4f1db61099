import { freePort } from '@cluster/processes'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

interface Recorded {
  readonly name: string
  readonly type: string
  readonly help: string
}

describe('a peer with --stats', () => {
  let cluster: TestCluster
  let peer: TestPeer
  let url: string

  const scrape = async (): Promise<string> => (await fetch(url)).text()
  const valueOf = (text: string, name: string): number =>
    Number(new RegExp(`^ipfscluster_${name} (.*)$`, 'm').exec(text)?.[1])

  beforeAll(async () => {
    cluster = await TestCluster.create()
    const port = (await freePort(0)).toString()
    url = `http://127.0.0.1:${port}/metrics`
    peer = await cluster.peer('counted', newSecret(), {
      CLUSTER_METRICS_PROMETHEUSENDPOINT: `/ip4/127.0.0.1/tcp/${port}`
    })
    await peer.start('--stats').ready()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('shows Prometheus all that the reference counts, under its names, kinds and texts', async () => {
    const file = new URL('../../packages/testing/vectors/cli/metrics.json', import.meta.url)
    const { stats } = JSON.parse(await readFile(file, 'utf8')) as { stats: readonly Recorded[] }
    const ours = stats.filter(({ name }) => name.startsWith('ipfscluster_'))
    expect(ours.length).toBe(12)
    // the weight of the disk metric comes with the first metric
    const text = await eventually(scrape, (answer) => answer.includes('\nipfscluster_informer_disk '))
    for (const { name, type, help } of ours) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} `)
    }
    for (const name of ['cpu_seconds_total', 'resident_memory_bytes', 'open_fds', 'max_fds', 'start_time_seconds']) {
      expect(text).toContain(`\nprocess_${name} `)
    }
  })

  it('counts what is added, pinned and unpinned', async () => {
    const file = join(cluster.folder, 'content')
    await writeFile(file, 'counted')
    const added = await peer.ctl('add', '--quieter', file)
    expect(added).toMatchObject({ exitCode: 0 })
    const text = await eventually(scrape, (answer) => valueOf(answer, 'pins_ipfs_pins') === 1)
    const counted = (name: string): number => valueOf(text, name)
    expect(['pins', 'pins_pin_add', 'blocks_put', 'blocks_added'].map(counted)).toEqual([1, 1, 1, 1])
    expect(['pins_pin_queued', 'pins_pinning', 'pins_pin_error'].map(counted)).toEqual([0, 0, 0])
    expect(counted('blocks_added_size')).toBeGreaterThanOrEqual('counted'.length)
    expect(['pins_pin_add_errors', 'blocks_put_errors'].map(counted)).toEqual([0, 0])
    expect(await peer.ctl('pin', 'rm', added.stdout.trim())).toMatchObject({ exitCode: 0 })
    await eventually(scrape, (answer) => valueOf(answer, 'pins') === 0 && valueOf(answer, 'pins_ipfs_pins') === 0)
  })
})
