import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findGoProgram, freePort, fromBundle, run, type Outcome } from '@cluster/processes'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LonePeer } from '../lone-peer.ts'

const file = await findGoProgram('ipfs-cluster-ctl')
if (file === undefined) {
  process.stderr.write(
    '\n*** SKIPPED: no ipfs-cluster-ctl of the Go implementation is on the PATH: nothing drives our peer ***\n\n'
  )
}
const HELLO = 'QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX'
const FOLDER = 'QmeN21vwo3ukxKrHZuVK34YBKuvR8pCJevTCM5WVRVb7qE'
const UNKNOWN = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'

describe.skipIf(file === undefined)('the Go ipfs-cluster-ctl drives our peer', () => {
  let peer: LonePeer
  /** Its API over libp2p, on a host of its own. */
  let libp2p = ''
  const driven = new Set<string>()

  /** Runs the Go program; its command is noted. */
  const go = (...words: string[]): Promise<Outcome> => {
    for (const length of [1, 2])
      driven.add(
        words
          .filter((word) => !word.startsWith('-'))
          .slice(0, length)
          .join(' ')
      )
    return run({ file: file ?? '', native: true }, ['--host', peer.rest, '-f', ...words])
  }
  const ours = (...words: string[]): Promise<Outcome> => run(fromBundle('ctl'), ['--host', peer.rest, '-f', ...words])
  const lines = ({ stdout }: Outcome): string[] => stdout.trimEnd().split('\n').sort()

  /** What both programs print, which is the same. */
  const both = async (...words: string[]): Promise<Outcome> => {
    const [theirs, own] = [await go(...words), await ours(...words)]
    expect(own).toEqual(theirs)
    const json = ['--enc', 'json', ...words]
    expect(await ours(...json)).toEqual(
      await run({ file: file ?? '', native: true }, ['--host', peer.rest, '-f', ...json])
    )
    return theirs
  }

  beforeAll(async () => {
    const key = await generateKeyPair('Ed25519')
    const id = peerIdFromPrivateKey(key).toString()
    libp2p = `/ip4/127.0.0.1/tcp/${(await freePort(0)).toString()}`
    peer = await LonePeer.start({
      CLUSTER_RESTAPI_BASICAUTHCREDENTIALS: 'admin:secret',
      CLUSTER_RESTAPI_ID: id,
      CLUSTER_RESTAPI_PRIVATEKEY: Buffer.from(privateKeyToProtobuf(key)).toString('base64'),
      CLUSTER_RESTAPI_LIBP2PLISTENMULTIADDRESS: libp2p
    })
    libp2p += `/p2p/${id}`
    vi.stubEnv('CLUSTER_CREDENTIALS', 'admin:secret')
    await mkdir(join(peer.folder, 'd'))
    await writeFile(join(peer.folder, 'd', 'a.txt'), 'hello')
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await peer[Symbol.asyncDispose]()
  })

  it('id, version, peers ls: as our own ctl prints them', async () => {
    const { stdout } = await both('id')
    expect(stdout).toMatch(/^12D3Koo\w+ \| ours \| Sees 0 other peers\n {2}> Addresses:\n/)
    expect((await both('peers', 'ls')).stdout).toBe(stdout)
    expect((await both('version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('peers rm: refused, as with CRDTs', async () => {
    const { stdout, exitCode } = await both('peers', 'rm', '12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J')
    expect({ stdout, exitCode }).toEqual({
      stdout: expect.stringContaining('crdt consensus component cannot remove peers') as string,
      exitCode: 2
    })
  })

  it('add: file, folder, with progress of JSON', async () => {
    const folder = join(peer.folder, 'd')
    expect(await go('add', '--name', 'n', '--metadata', 'a=b', join(folder, 'a.txt'))).toEqual({
      stdout: `added ${HELLO} a.txt\n`,
      stderr: '',
      exitCode: 0
    })
    expect((await go('add', '-r', '--wait', '--wt', '20s', folder)).stdout).toBe(
      `added ${HELLO} d/a.txt\nadded ${FOLDER} d\n`
    )
    expect((await go('add', '-r', '-Q', folder)).stdout).toBe(`${FOLDER}\n`)
    const refused = await go('add', '--chunker', 'nope', join(folder, 'a.txt'))
    expect(refused).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('unrecognized chunker') as string })
  })

  it('pin add, with and without waiting, by path, and what cannot be pinned', async () => {
    const added = await go('pin', 'add', '--wait', '--wt', '20s', '--name', 'again', '--expire-in', '1h', HELLO)
    expect(added.stdout).toMatch(new RegExp(`^${HELLO} \\| again:\n {4}> ours {16} : PINNED \\| .*Priority: \\w+\n$`))
    expect((await go('pin', 'add', '--ns', `/ipfs/${FOLDER}/a.txt`)).stdout).toMatch(
      new RegExp(`^${HELLO} \\|  \\| PIN \\|`)
    )
    expect(await go('pin', 'add', '--rmin', '3', '--rmax', '2', HELLO)).toMatchObject({ exitCode: 2 })
  })

  it('pin update, pin ls, status, recover: as our own ctl prints them', async () => {
    expect((await go('pin', 'update', '--ns', HELLO, FOLDER)).stdout).toMatch(new RegExp(`^${FOLDER} \\|`))
    expect(lines(await both('pin', 'ls'))).toHaveLength(2)
    expect((await both('pin', 'ls', HELLO)).stdout).toContain(`${HELLO} | `)
    await both('pin', 'ls', '--filter', 'meta-pin')
    expect(await both('pin', 'ls', UNKNOWN)).toMatchObject({ exitCode: 2 })
    await vi.waitFor(async () => {
      expect((await go('status', '--filter', 'pinned')).stdout.match(/: PINNED /g)).toHaveLength(2)
    })
    await both('status', '--local')
    await both('status', HELLO)
    await both('status', HELLO, FOLDER)
    await both('status', '--filter', 'pin_error,pinned')
    expect((await go('status', UNKNOWN)).stdout).toContain(': UNPINNED |')
    expect((await go('recover')).exitCode).toBe(0)
    expect((await go('recover', HELLO)).stdout).toContain(': PINNED |')
  })

  it('health: graph, metrics, alerts, bandwidth', async () => {
    expect((await both('health', 'graph')).stdout).toMatch(/^digraph cluster \{/)
    const names = await go('health', 'metrics')
    expect(lines(names)).toEqual(lines(await ours('health', 'metrics')))
    expect(lines(names)).toEqual(expect.arrayContaining(['freespace', 'ping']))
    expect((await go('health', 'metrics', 'freespace')).stdout).toMatch(/ \| freespace: [\d.]+ \wB \| Expires in: /)
    expect(await both('health', 'alerts')).toEqual({ stdout: '', stderr: '', exitCode: 0 })
    expect((await go('health', 'bandwidth')).exitCode).toBe(0)
  })

  it('ipfs gc', async () => {
    expect((await go('ipfs', 'gc')).stdout).toMatch(/^ours {11}\n {2}> CIDs:\n/)
  })

  it('pin rm, by path and with waiting', async () => {
    const removed = await go('pin', 'rm', '--wait', '--wt', '20s', HELLO)
    expect(removed.stdout).toContain(': UNPINNED |')
    expect((await go('pin', 'rm', '--ns', `/ipfs/${FOLDER}`)).exitCode).toBe(0)
    expect(await both('pin', 'rm', UNKNOWN)).toMatchObject({ exitCode: 2 })
    expect(await both('pin', 'ls')).toEqual({ stdout: '', stderr: '', exitCode: 0 })
  })

  it('is refused without the password', async () => {
    const stranger = await run({ file: file ?? '', native: true }, [
      '--host',
      peer.rest,
      '-f',
      '--basic-auth',
      'a:b',
      'id'
    ])
    expect(stranger).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('Code: 401') as string })
  })

  it('over libp2p, as our own ctl', async () => {
    for (const program of [{ file: file ?? '', native: true }, fromBundle('ctl')]) {
      const at = (...words: string[]): Promise<Outcome> => run(program, ['--host', libp2p, ...words])
      expect((await at('id')).stdout).toBe((await go('id')).stdout)
      const added = await at('add', join(peer.folder, 'd', 'a.txt'))
      expect(added).toEqual({ stdout: `added ${HELLO} a.txt\n`, stderr: '', exitCode: 0 })
      expect((await at('pin', 'ls')).stdout).toContain(HELLO)
      expect((await at('pin', 'ls', UNKNOWN)).stdout).toContain('pin is not part of the pinset')
      const refused = await at('--basic-auth', 'a:b', 'id')
      expect(refused).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('access denied') as string })
    }
  })

  it('has been driven through all its commands', async () => {
    const all = lines(await go('commands')).map((line) => line.replace('ipfs-cluster-ctl ', ''))
    const groups = new Set(all.filter((name) => all.some((other) => other.startsWith(`${name} `))))
    const leaves = all.filter((name) => !groups.has(name) && name !== 'help')
    expect(leaves.length).toBeGreaterThan(15)
    expect(leaves.filter((name) => !driven.has(name))).toEqual([])
  })
})
