import { findKubo, KuboDaemon } from '@cluster/testing'
import { freePort } from '@cluster/processes'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, newSecret, TestCluster, type TestPeer } from './test-cluster.ts'

const file = await findKubo()
if (file === undefined) {
  process.stderr.write(
    '\n*** SKIPPED: the tools of Kubo against a peer, since there is no program "ipfs" on the PATH ***\n\n'
  )
}

describe.skipIf(file === undefined)("Kubo's own tools against a peer", () => {
  let cluster: TestCluster
  let kubo: KuboDaemon
  let peer: TestPeer
  let proxy: string
  let service: string

  /** Runs `ipfs` against the proxy. */
  const ipfs = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, IPFS_PATH: join(cluster.folder, 'no-repository'), IPFS_TELEMETRY: 'off' }
    return (await promisify(execFile)(file ?? '', ['--api', proxy, ...args], { env })).stdout
  }
  const content = async (name: string): Promise<{ path: string; text: string }> => {
    const [path, text] = [join(cluster.folder, name), randomBytes(20).toString('hex')]
    await writeFile(path, text)
    return { path, text }
  }
  const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

  beforeAll(async () => {
    cluster = await TestCluster.create()
    kubo = await KuboDaemon.start(file ?? '')
    const [proxyPort, servicePort] = await Promise.all([freePort(0), freePort(0)])
    proxy = `/ip4/127.0.0.1/tcp/${proxyPort}`
    service = `http://127.0.0.1:${servicePort}`
    const env = {
      CLUSTER_IPFSHTTP_NODEMULTIADDRESS: kubo.api,
      CLUSTER_IPFSPROXY_NODEMULTIADDRESS: kubo.api,
      CLUSTER_IPFSPROXY_LISTENMULTIADDRESS: proxy,
      CLUSTER_PINSVCAPI_HTTPLISTENMULTIADDRESS: `/ip4/127.0.0.1/tcp/${servicePort}`,
      CLUSTER_PINSVCAPI_BASICAUTHCREDENTIALS: 'admin:secret'
    }
    peer = await cluster.peer('alpha', newSecret(), env, ['--ipfs', 'ipfshttp'])
    await peer.start().ready()
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await kubo[Symbol.asyncDispose]()
  })

  it('ipfs --api: adds, reads and pins through the proxy, in the cluster', async () => {
    const { path, text } = await content('a.txt')
    const cid = (await ipfs('add', '-Q', path)).trim()
    expect(await ipfs('cat', cid)).toBe(text)
    expect((await peer.ctl('pin', 'ls', cid)).stdout).toContain(cid)
    expect(lines(await ipfs('pin', 'ls', '-q'))).toContain(cid)

    const other = (await ipfs('add', '-Q', '--pin=false', (await content('b.txt')).path)).trim()
    expect(lines(await ipfs('pin', 'ls', '-q'))).not.toContain(other)
    expect(await ipfs('pin', 'add', '--name', 'other', cid, other)).toContain(`pinned ${other} recursively`)
    expect(await ipfs('pin', 'ls', '--names', other)).toContain('other')
    expect(await ipfs('pin', 'ls', '--stream', '-t', 'direct')).toBe('')
    expect(await ipfs('pin', 'rm', other)).toContain(`unpinned ${other}`)
    await expect(ipfs('pin', 'rm', other)).rejects.toThrow('pin is not part of the pinset')

    expect(await ipfs('pin', 'update', cid, other)).toContain('updated')
    expect(lines(await ipfs('pin', 'ls', '-q'))).toEqual([other])
    const block = (await ipfs('block', 'put', '--pin', path)).trim()
    expect(lines(await ipfs('pin', 'ls', '-q'))).toContain(block)
    expect(await ipfs('repo', 'stat')).toMatch(/NumObjects: 0/)
    for (const each of [other, block]) await ipfs('pin', 'rm', each)
  })

  it('ipfs pin remote: adds a service, and adds, lists by each filter and removes pins with it', async () => {
    const answer = await fetch(`${service}/token`, {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}` }
    })
    const { token } = (await answer.json()) as { token: string }
    await kubo.run('pin', 'remote', 'service', 'add', 'ours', service, token)
    await kubo.run('pin', 'remote', 'service', 'add', 'wrong', service, 'no-such-token')
    const cids = []
    for (const name of ['first', 'second']) {
      const cid = (await kubo.run('add', '-Q', '--pin=false', (await content(name)).path)).trim()
      expect(await kubo.run('pin', 'remote', 'add', '--service=ours', `--name=${name}`, cid)).toContain('pinned')
      cids.push(cid)
    }
    const [first = '', second = ''] = cids
    const ls = async (...args: string[]): Promise<string[]> =>
      lines(await kubo.run('pin', 'remote', 'ls', '--service=ours', ...args)).map((line) => line.split('\t')[0] ?? '')
    expect((await ls()).sort()).toEqual([first, second].sort())
    expect(await ls('--name=first')).toEqual([first])
    expect(await ls(`--cid=${second}`)).toEqual([second])
    expect(await ls('--status=failed,queued,pinning')).toEqual([])
    expect((await ls('--status=pinned')).sort()).toEqual([first, second].sort())
    const services = await kubo.run('pin', 'remote', 'service', 'ls', '--stat')
    expect(services).toMatch(/^ours .* 0\/0\/2\/0$/m)
    expect(services).toMatch(/^wrong .* invalid$/m)

    await kubo.run('pin', 'remote', 'rm', '--service=ours', '--name=first')
    expect(await ls()).toEqual([second])
    await kubo.run('pin', 'remote', 'rm', '--service=ours', `--cid=${second}`)
    await eventually(
      () => kubo.run('pin', 'ls', '--type=recursive', '-q'),
      (list) => !list.includes(first) && !list.includes(second)
    )
    await expect(kubo.run('pin', 'remote', 'add', '--service=wrong', first)).rejects.toThrow('invalid token')
  })
})
