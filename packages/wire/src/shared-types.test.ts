import {
  ipfsPinStatusFromString,
  isMetricDiscarded,
  isMetricExpired,
  PinMode,
  PinType,
  trackerStatusFromString,
  ZERO_PIN_OPTIONS,
  type ID,
  type Metric,
  type Pin,
  type PinOptions
} from '@cluster/api'
import { decode, encode } from '@cluster/msgpack'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import {
  idForm,
  parseQuery,
  pinForm,
  pinOptionsFromQuery,
  pinOptionsToQuery,
  pinTypeFromEnum,
  pinTypeToEnum
} from './index.ts'

const SECOND = 1_000_000_000n
const now = 1_700_000_000n * SECOND
const self = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const cid = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const origin = multiaddr(`/ip4/1.2.3.4/tcp/9096/p2p/${other.toString()}`)
const options: PinOptions = {
  replicationFactorMin: 2,
  replicationFactorMax: 3,
  name: 'my pin & co',
  mode: PinMode.direct,
  shardSize: 2n ** 60n,
  userAllocations: [self, other],
  expireAt: now + 5n,
  metadata: new Map([
    ['app', 'x y'],
    ['ключ', '=&%+']
  ]),
  pinUpdate: cid,
  origins: [origin]
}

/** The scenarios of behaviours.md §7.12. */
describe('shared types', () => {
  it('TY-1 each single status name parses to its bit; empty and unknown to 0', () => {
    const names = [
      'cluster_error',
      'pin_error',
      'unpin_error',
      'pinned',
      'pinning',
      'unpinning',
      'unpinned',
      'remote',
      'pin_queued',
      'unpin_queued',
      'sharded',
      'unexpectedly_unpinned'
    ]
    names.forEach((name, i) => {
      expect(trackerStatusFromString(name)).toBe(2 ** (i + 1))
    })
    expect(trackerStatusFromString('')).toBe(0)
    expect(trackerStatusFromString('nothing')).toBe(0)
  })

  it('TY-2 direct, recursive and indirect parse to 2, 3 and 4', () => {
    expect(['direct', 'recursive', 'indirect'].map(ipfsPinStatusFromString)).toEqual([2, 3, 4])
  })

  it('TY-3 validity and expiry both make a metric discarded; without a time to live it is expired', () => {
    const metric: Metric = {
      name: 'ping',
      peer: self,
      value: '',
      expire: 0n,
      valid: true,
      weight: 0n,
      partitionable: false,
      receivedAt: 0n
    }
    expect(isMetricExpired(metric, now)).toBe(true)
    const living = { ...metric, expire: now + SECOND }
    expect(isMetricExpired(living, now)).toBe(false)
    expect(isMetricExpired(living, now + SECOND + 1n)).toBe(true)
    expect(isMetricDiscarded(living, now)).toBe(false)
    expect(isMetricDiscarded(living, now + SECOND + 1n)).toBe(true)
    expect(isMetricDiscarded({ ...living, valid: false }, now)).toBe(true)
    expect(living.expire - now).toBe(SECOND)
  })

  it('TY-4 pin types convert to the protobuf enum and back', () => {
    expect(pinTypeToEnum(PinType.bad)).toBe(0)
    expect(pinTypeFromEnum(0)).toBe(PinType.bad)
    expect(pinTypeToEnum(PinType.shard)).toBe(4)
    expect(pinTypeFromEnum(4)).toBe(PinType.shard)
    expect([PinType.data, PinType.meta, PinType.clusterDag].map(pinTypeToEnum)).toEqual([1, 2, 3])
  })

  it('TY-5 pin options to query and back are equal; metadata with an empty key is dropped', () => {
    const back = (given: PinOptions): PinOptions => pinOptionsFromQuery(parseQuery(pinOptionsToQuery(given)), 0n)
    expect(back(options)).toEqual(options)
    const maximum = { ...ZERO_PIN_OPTIONS, metadata: new Map(), replicationFactorMax: -1 }
    expect(back(maximum)).toEqual(maximum)
    const emptyKey = { ...options, metadata: new Map([['', 'lost'], ...(options.metadata ?? [])]) }
    expect(back(emptyKey)).toEqual(options)
  })

  it('TY-6 ID and Pin survive msgpack', () => {
    const id: ID = {
      id: self,
      addresses: [origin],
      clusterPeers: [self, other],
      clusterPeersAddresses: [],
      version: '1.1.6',
      commit: '',
      rpcProtocolVersion: '/ipfscluster/1.0/rpc',
      error: '',
      ipfs: { id: other, addresses: [], error: 'no IPFS' },
      peername: 'host'
    }
    expect(decode(idForm.msgpack, encode(idForm.msgpack, id))).toEqual(id)
    const pin: Pin = {
      ...options,
      cid,
      type: PinType.data,
      allocations: [self],
      maxDepth: -1,
      reference: undefined,
      timestamp: now + 7n
    }
    expect(decode(pinForm.msgpack, encode(pinForm.msgpack, pin))).toEqual(pin)
  })
})
