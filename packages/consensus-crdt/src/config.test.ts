import { testPeerId } from '@cluster/testing'
import { describe, expect, test } from 'vitest'
import { crdtConfig, type CrdtConfig } from './index.ts'

const load = (json: unknown, env: Record<string, string> = {}): CrdtConfig => crdtConfig.load(json, env, '.')
const [a, b] = [testPeerId(1), testPeerId(2)]

describe('CR-9: the section consensus.crdt', () => {
  test('is written as the Go peer writes it', () => {
    expect(JSON.stringify(crdtConfig.save(crdtConfig.defaults, 'file'), null, 2)).toBe(
      `{
  "cluster_name": "ipfs-cluster",
  "trusted_peers": [
    "*"
  ],
  "batching": {
    "max_batch_size": 0,
    "max_batch_age": "0s"
  },
  "repair_interval": "1h0m0s"
}`
    )
  })

  test('optional keys follow in the order of the Go peer when they differ from the defaults', () => {
    const json = {
      cluster_name: 'c',
      trusted_peers: [a.toString()],
      batching: { max_batch_size: 1, max_batch_age: '2s', max_queue_size: 3 },
      repair_interval: '0s',
      rebroadcast_interval: '5s',
      peerset_metric: 'p',
      datastore_namespace: '/n'
    }
    expect(JSON.stringify(crdtConfig.save(load(json), 'file'))).toBe(JSON.stringify(json))
    expect(load(json)).toMatchObject({
      batching: { maxBatchSize: 1, maxBatchAgeMs: 2000, maxQueueSize: 3 },
      rebroadcastIntervalMs: 5000,
      peersetMetric: 'p',
      datastoreNamespace: '/n'
    })
  })

  test.each([
    { trusted: [a.toString(), b.toString()], expected: [a.toString(), b.toString()] },
    { trusted: ['*'], expected: '*' },
    { trusted: [a.toString(), '*', b.toString()], expected: '*' },
    { trusted: [], expected: [] },
    { trusted: undefined, expected: [] }
  ])('trusted_peers $trusted', ({ trusted, expected }) => {
    const { trustedPeers } = load({ trusted_peers: trusted })
    expect(trustedPeers === '*' ? '*' : trustedPeers.map(String)).toEqual(expected)
  })

  test('an absent section has the defaults, and the environment comes last', () => {
    expect(load(undefined).trustedPeers).toBe('*')
    const env = {
      CLUSTER_CRDT_CLUSTERNAME: 'other',
      CLUSTER_CRDT_TRUSTEDPEERS: `${a.toString()},${b.toString()}`,
      CLUSTER_CRDT_BATCHING_MAXBATCHSIZE: '7',
      CLUSTER_CRDT_REPAIRINTERVAL: '3m'
    }
    expect(load({ cluster_name: 'name' }, env)).toMatchObject({
      clusterName: 'other',
      trustedPeers: [a, b],
      batching: { maxBatchSize: 7 },
      repairIntervalMs: 180_000
    })
    expect(load(undefined, { CLUSTER_CRDT_TRUSTEDPEERS: '' }).trustedPeers).toEqual([])
  })

  test('empty values keep the defaults', () => {
    expect(load({ cluster_name: '', peerset_metric: '', datastore_namespace: '' })).toMatchObject({
      clusterName: 'ipfs-cluster',
      peersetMetric: 'ping',
      datastoreNamespace: '/c'
    })
  })

  test.each([
    [{ trusted_peers: ['nobody'] }, /^error parsing trusted peers: /],
    [{ rebroadcast_interval: '-1s' }, /^crdt\.rebroadcast_interval is invalid$/],
    [{ batching: { max_queue_size: -1 } }, /^crdt\.batching\.max_queue_size is invalid$/],
    [{ repair_interval: '-1s' }, /^crdt\.repair_interval is invalid$/],
    [{ repair_interval: 'soon' }, /crdt\.repair_interval/]
  ])('%j is refused', (json, message) => {
    expect(() => load(json)).toThrow(message)
  })
})
