import {
  pinOf,
  PinType,
  plainConsensusHealth,
  TrackerStatus,
  type GlobalPinInfo,
  type ID,
  type PinInfoShort
} from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { formatConsensusHealth } from './format-consensus-health.ts'
import { formatId } from './format-id.ts'
import { formatPin } from './format-pin.ts'
import { formatStatus } from './format-status.ts'
import { indentJson } from './indent-json.ts'

const cid = CID.parse('QmXvQLhK2heNz65fWRabTfbzXwYfaBgEBuTdUJNzp69Xjx')
const a = peerIdFromString('12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6')
const b = peerIdFromString('12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo')

describe('text output, byte for byte', () => {
  const id: ID = {
    id: a,
    addresses: [`/ip4/192.168.1.10/tcp/9096/p2p/${a.toString()}`, `/ip4/127.0.0.1/tcp/9096/p2p/${a.toString()}`].map(
      (text) => multiaddr(text)
    ),
    clusterPeers: [a, b],
    clusterPeersAddresses: undefined,
    version: '1.1.6',
    commit: '',
    rpcProtocolVersion: '/ipfscluster/1.0/rpc',
    error: '',
    ipfs: { id: b, addresses: [multiaddr(`/ip4/127.0.0.1/tcp/4001/p2p/${b.toString()}`)], error: '' },
    peername: 'cluster0'
  }

  it('of a peer', () => {
    expect(formatId(id)).toBe(`${a.toString()} | cluster0 | Sees 1 other peers
  > Addresses:
    - /ip4/127.0.0.1/tcp/9096/p2p/${a.toString()}
    - /ip4/192.168.1.10/tcp/9096/p2p/${a.toString()}
  > IPFS: ${b.toString()}
    - /ip4/127.0.0.1/tcp/4001/p2p/${b.toString()}
`)
  })

  it('of a peer without peers, without IPFS, or that cannot be asked', () => {
    const ipfs = { id: undefined, addresses: undefined, error: 'refused' }
    expect(formatId({ ...id, clusterPeers: undefined, addresses: undefined, ipfs })).toBe(
      `${a.toString()} | cluster0 | Sees -1 other peers\n  > Addresses:\n  > IPFS ERROR: refused\n`
    )
    expect(formatId({ ...id, error: 'dial failed' })).toBe(`${a.toString()} | ERROR: dial failed\n`)
  })

  it('of a consensus that is synced, and of one that is stuck', () => {
    const synced = plainConsensusHealth('crdt', 'synced', 'all that was heard of is here')
    expect(formatConsensusHealth(synced)).toBe(`crdt | SYNCED | all that was heard of is here
  > Heads: 0 | Height: 0
  > Blocks queued: 0 | On their way: 0 | Missing: 0
  > Waiting operations: 0
  > Merged: 0 | Refused: 0
  > Marked for repair: no
`)
    const stuck = {
      ...plainConsensusHealth('crdt', 'stuck', 'a block is nowhere'),
      heads: [{ cid, height: 5n }],
      headCount: 3,
      maxHeight: 5n,
      missing: [{ cid, attempts: 2, error: 'nobody has it' }],
      missingCount: 1,
      firstSync: true,
      syncDone: 4,
      syncKnown: 5,
      lastError: 'nobody has it',
      lastErrorAt: 1_638_890_698_000_000_000n
    }
    expect(formatConsensusHealth(stuck)).toContain(`  > Heads: 3 | Height: 5
    - ${cid.toString()} | Height: 5
    - and 2 more
  > Blocks queued: 0 | On their way: 0 | Missing: 1
    - ${cid.toString()} | Attempts: 2 | nobody has it
  > First sync: 4 of 5 known blocks
`)
    expect(formatConsensusHealth(stuck)).toMatch(/ > Last error: 2021-12-07T.* nobody has it\n$/)
  })

  it('of a status', () => {
    const entry: PinInfoShort = {
      peername: 'cluster2',
      ipfsPeerId: undefined,
      ipfsPeerAddresses: undefined,
      status: TrackerStatus.pinned,
      timestamp: 1_638_890_698_000_000_000n,
      error: '',
      attemptCount: 0,
      priorityPin: false
    }
    const failed: PinInfoShort = {
      ...entry,
      peername: '',
      status: TrackerStatus.pinError,
      error: 'context canceled',
      attemptCount: 3
    }
    const info: GlobalPinInfo = {
      cid,
      name: 'my-name',
      allocations: [],
      origins: undefined,
      created: undefined,
      metadata: undefined,
      peerMap: new Map([
        [b.toString(), { ...failed, priorityPin: true }],
        [a.toString(), entry]
      ])
    }
    expect(formatStatus(info)).toBe(`${cid.toString()} | my-name:
    > cluster2             : PINNED | 2021-12-07T15:24:58Z | Attempts: 0 | Priority: false
    > ${b.toString()} : PIN_ERROR: context canceled | 2021-12-07T15:24:58Z | Attempts: 3 | Priority: true
`)
    expect(formatStatus({ ...info, name: '', peerMap: undefined })).toBe(`${cid.toString()}:\n`)
  })

  it('of a pin', () => {
    const timestamp = 1_638_894_298_000_000_000n
    const pin = pinOf(cid, { name: 'website', replicationFactorMin: 2, replicationFactorMax: 3, timestamp })
    expect(formatPin({ ...pin, allocations: [b, a] })).toBe(
      `${cid.toString()} | website | PIN | Repl. Factor: 2--3 | Allocations: [${a.toString()} ${b.toString()}] | Recursive | Metadata: no | Exp: ∞ | Added: 2021-12-07 16:24:58\n`
    )
    const everywhere = pinOf(cid, {
      mode: 1,
      replicationFactorMin: -1,
      replicationFactorMax: -1,
      expireAt: 1_640_995_200_000_000_000n,
      metadata: new Map([['k', 'v']])
    })
    expect(formatPin(everywhere)).toBe(
      `${cid.toString()} |  | PIN-DIRECT | Repl. Factor: -1 | Allocations: [everywhere] | Direct | Metadata: yes | Exp: 2022-01-01 00:00:00 | Added: unknown\n`
    )
    expect(formatPin({ ...pin, type: PinType.shard, maxDepth: 1 })).toContain(' | SHARD-PIN | ')
    expect(formatPin({ ...pin, type: PinType.shard, maxDepth: 1 })).toContain(' | Recursive-1 | ')
  })

  it('of JSON: indented like Go, numbers untouched', () => {
    const json = '{"a":[1,{"b":"x,\\"{:"}],"c":{},"d":[],"e":1767323075123456789}'
    expect(indentJson(json)).toBe(
      '{\n    "a": [\n        1,\n        {\n            "b": "x,\\"{:"\n        }\n    ],\n    "c": {},\n    "d": [],\n    "e": 1767323075123456789\n}'
    )
  })
})
