import { IPFSPinStatus, pinOf, PinMode, type Block, type Pin } from '@cluster/api'
import { blockNodes } from '@cluster/testing'
import type { KuboScript } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { answers, setUp, texts } from './kubo.fixture.ts'
import type { KuboIpfs } from './kubo-ipfs.ts'

const A = CID.parse('QmbRivWxk1Qro1PAbZLGrpjv2n3MAboQM6x46ixPGg4wim')
const INDIRECT = CID.parse('QmXSPYr8zktMpzfHwKrtZH8wnovxpsprXVeRkqqP4Lv9SK')
const TREE = CID.parse('QmVx6eyufnKBYbtGqiJG4EqyssG87ubZuivmi61Cs2C6yz')
const direct = { mode: PinMode.direct }
const notPinned = 'pin/ls recursive not pinned'

/** What a connector makes of a recorded answer. `first` are the answers that come before it, by the path of the call. */
interface Case {
  readonly call: string
  readonly first?: Readonly<Record<string, string>>
  readonly ask: (ipfs: KuboIpfs) => Promise<unknown>
  readonly gives?: unknown
  readonly fails?: string
  readonly logs?: readonly string[]
}

const status = (pin: Pin) => (ipfs: KuboIpfs) => ipfs.pinLsCid(pin, {})
/** Pins, and gives what was heard of its progress. */
const pinning = (pin: Pin) => async (ipfs: KuboIpfs) => {
  const heard: (readonly [number, (number | undefined)?])[] = []
  await ipfs.pin(pin, { onProgress: (...progress) => heard.push(progress) })
  return heard
}
/** Nobody recorded the bytes that Kubo stored: it is told others, of a hash function that the connector cannot check. */
const put = (name: string): Case => {
  const unknown: Block = {
    cid: CID.createV1(0x55, digest.create(0x1012, new Uint8Array(32))),
    bytes: new Uint8Array(8)
  }
  const { Key: key } = JSON.parse(answers[name] ?? '{}') as { readonly Key: string }
  return {
    call: 'block/put',
    ask: (ipfs) => ipfs.blockStream(blockNodes(unknown), {}),
    logs: [`blockPut response CID (${key}) does not match the multihash of any blocks sent`]
  }
}

const cases: Readonly<Record<string, Case>> = {
  'pin/rm not pinned': { call: 'pin/rm', ask: (ipfs) => ipfs.unpin(A, {}) },
  'pin/ls recursive not pinned': { call: 'pin/ls', ask: status(pinOf(A)), gives: IPFSPinStatus.unpinned },
  'pin/update from not pinned': {
    call: 'pin/update',
    first: { 'pin/add': 'pin/add progress of a local pin' },
    ask: async (ipfs) => {
      // only what is to be updated is pinned
      await ipfs.pin(pinOf(TREE, { pinUpdate: A }), {})
    }
  },
  'pin/ls direct': { call: 'pin/ls', ask: status(pinOf(A, direct)), gives: IPFSPinStatus.direct },
  'pin/ls recursive of a direct pin': { call: 'pin/ls', ask: status(pinOf(A)), gives: IPFSPinStatus.unpinned },
  'pin/add recursive of a direct pin': {
    call: 'pin/add',
    first: { 'pin/ls': notPinned },
    ask: pinning(pinOf(A)),
    gives: [[1, 21]]
  },
  'pin/add direct of a recursive pin': {
    call: 'pin/add',
    first: { 'pin/ls': notPinned },
    ask: pinning(pinOf(A, direct)),
    gives: []
  },
  'pin/add max-depth': {
    call: 'pin/add',
    first: { 'pin/ls': notPinned },
    ask: pinning({ ...pinOf(A), maxDepth: 1 }),
    gives: [[1, 21]]
  },
  'pin/rm of a pinned': { call: 'pin/rm', ask: (ipfs) => ipfs.unpin(A, {}) },
  'pin/rm of an indirect pin': { call: 'pin/rm', ask: (ipfs) => ipfs.unpin(INDIRECT, {}) },
  'pin/ls recursive of an indirect pin': {
    call: 'pin/ls',
    ask: status(pinOf(INDIRECT)),
    gives: IPFSPinStatus.unpinned
  },
  'pin/ls stream all recursive (first line)': {
    call: 'pin/ls',
    ask: (ipfs) => Array.fromAsync(ipfs.pinLs(['recursive'], {})),
    gives: [
      [
        {
          cid: CID.parse('bafkreifabtjg5encwkz67ipiymx6s4duj7cg6uclwbb724cxwfszda6qmq'),
          type: IPFSPinStatus.recursive
        }
      ]
    ]
  },
  'pin/add progress of a local pin': {
    call: 'pin/add',
    first: { 'pin/ls': notPinned },
    ask: pinning(pinOf(TREE)),
    gives: [[2, 63]]
  },
  ...Object.fromEntries(
    Object.keys(answers)
      .filter((name) => name.startsWith('block/put '))
      .map((name) => [name, put(name)])
  ),
  'repo/stat': {
    call: 'repo/stat',
    ask: (ipfs) => ipfs.repoStat({}),
    gives: { repoSize: 64_532_575n, storageMax: 10_000_000_000n }
  },
  'swarm/connect bad': {
    call: 'swarm/connect',
    ask: (ipfs) => ipfs.connectSwarms([multiaddr('/ip4/127.0.0.1/tcp/1')], {}),
    logs: ['IPFS was not connected with /ip4/127.0.0.1/tcp/1']
  },
  resolve: { call: 'resolve', ask: (ipfs) => ipfs.resolve('/ipns/x/y', {}), gives: INDIRECT },
  'resolve missing': {
    call: 'resolve',
    ask: (ipfs) => ipfs.resolve(`${TREE.toString()}/nope`, {}),
    fails:
      `IPFS error (resolve?arg=%2Fipfs%2F${TREE.toString()}%2Fnope). Code: 500. ` +
      `Message: no link named "nope" under ${TREE.toString()}`
  }
}

describe('what Kubo was recorded to answer', () => {
  it('is all here', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(answers).sort())
  })

  it.each(Object.entries(cases))('%s', async (name, { call, first = {}, ask, gives, fails, logs = [] }) => {
    const { kubo, ipfs, context } = await setUp()
    const play = (text: string): KuboScript => {
      return (request, response) => {
        request.resume()
        response.writeHead(text.startsWith('{"Message"') ? 500 : 200).end(text)
      }
    }
    for (const [path, recorded] of Object.entries({ ...first, [call]: name })) {
      kubo.script(path, play(answers[recorded] ?? ''))
    }
    if (name === 'pin/update from not pinned') kubo.pins.set(A.toString(), 'recursive')
    if (fails === undefined) expect(await ask(ipfs)).toEqual(gives)
    else await expect(ask(ipfs)).rejects.toThrow(fails)
    expect(texts(context.lines)).toEqual(logs)
  })
})
