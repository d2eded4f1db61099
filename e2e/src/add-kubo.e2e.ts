import { findKubo, KuboDaemon } from '@cluster/testing'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AddingCluster, hashOf } from './scenarios/adding.ts'

const BYTES = 64 * 1024 * 1024
const file = await findKubo()
if (file === undefined) {
  process.stderr.write(
    '\n*** SKIPPED: adding beside real Kubo daemons, since there is no program "ipfs" on the PATH ***\n\n'
  )
}

describe.skipIf(file === undefined)('64 MiB into three peers beside Kubo daemons', { timeout: 180_000 }, () => {
  let cluster: AddingCluster
  const daemons: KuboDaemon[] = []

  beforeAll(async () => {
    for (let index = 0; index < 3; index++) daemons.push(await KuboDaemon.start(file ?? ''))
    const env = (index: number): Readonly<Record<string, string>> => ({
      CLUSTER_IPFSHTTP_NODEMULTIADDRESS: daemons[index]?.api ?? '',
      CLUSTER_IPFSHTTP_CONNECTSWARMSDELAY: '2s'
    })
    cluster = await AddingCluster.start(env, ['--ipfs', 'ipfshttp'])
  }, 120_000)
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await Promise.all(daemons.map((kubo) => kubo[Symbol.asyncDispose]()))
  })

  it.each([
    ['whole', []],
    ['parts', ['--shard', '--shard-size', '12000000']],
    ['hashed', ['--hash', 'blake2b-256', '--chunker', 'buzhash', '--layout', 'trickle']]
  ])('is read back with ipfs cat: %s', async (name, args) => {
    const path = await cluster.write(name, BYTES)
    const added = await cluster.peer(0).ctl('add', '-Q', '--wait', ...args, path)
    expect(added).toMatchObject({ exitCode: 0, stderr: '' })
    for (const kubo of daemons) {
      // What `ipfs cat` asks its daemon for; the program itself would give the bytes to this process as text.
      const response = await fetch(`${apiOf(kubo)}/api/v0/cat?arg=${added.stdout.trim()}`, { method: 'POST' })
      const hash = createHash('sha256')
      for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) hash.update(part)
      expect(hash.digest('hex')).toBe(hashOf(name, BYTES))
    }
  })
})

/** The URL of a daemon's API. */
function apiOf({ api }: KuboDaemon): string {
  const [, , host = '', , port = ''] = api.split('/')
  return `http://${host}:${port}`
}
