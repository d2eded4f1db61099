import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { clusterSection } from './cluster-section.ts'

const vector = JSON.parse(
  readFileSync(new URL('../../testing/vectors/cli/init/default.service.json', import.meta.url), 'utf8')
) as { cluster: Record<string, unknown> }

describe('the cluster section', () => {
  it('reads what the Go program wrote, and writes the same, key by key', () => {
    const values = clusterSection.load(vector.cluster, {}, '.')
    expect(JSON.stringify(clusterSection.save(values, 'file'))).toBe(JSON.stringify(vector.cluster))
  })

  it('has the defaults of the Go program', () => {
    const written = clusterSection.save({ ...clusterSection.defaults, peername: 'HOSTNAME' }, 'file')
    expect(written).toEqual({ ...vector.cluster, secret: '' })
  })

  it('hides the secret in displays', () => {
    const values = clusterSection.load(vector.cluster, {}, '.')
    expect(clusterSection.save(values, 'display')).toMatchObject({ secret: 'XXX_hidden_XXX' })
  })

  it.each([
    [{ secret: 'abc' }, 'error loading cluster secret from config: encoding/hex: odd length hex string'],
    [{ secret: 'xy' }, 'error loading cluster secret from config: encoding/hex: invalid byte: U+0078'],
    [
      { secret: 'ab' },
      'error loading cluster secret from config: input secret is 1 bytes, cluster secret should be 32'
    ],
    [{ listen_multiaddress: '' }, 'cluster.listen_multiaddress is undefined'],
    [{ listen_multiaddress: ['nowhere'] }, 'error parsing listen_multiaddress: '],
    [{ replication_factor_min: 2 }, 'cluster.replication_factor_min is larger than max'],
    [{ replication_factor_min: -1, replication_factor_max: 3 }, 'cluster.replication_factor_min and max must be -1'],
    [{ monitor_ping_interval: '-1s' }, 'cluster.monitoring_interval is invalid'],
    [{ dial_peer_timeout: 'soon' }, 'error parsing cluster.dial_peer_timeout: time: invalid duration "soon"']
  ])('refuses %j', (change, message) => {
    expect(() => clusterSection.load({ ...vector.cluster, ...change }, {}, '.')).toThrow(message)
  })

  it('lets the environment win, and writes an upper-case secret in lower case', () => {
    const env = {
      CLUSTER_SECRET: 'AB'.repeat(32),
      CLUSTER_LISTENMULTIADDRESS: '/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2',
      CLUSTER_PUBSUB_HEARTBEATINTERVAL: '1s'
    }
    const values = clusterSection.load(vector.cluster, env, '.')
    expect(values.listenMultiaddress).toHaveLength(2)
    expect(values.pubsub.heartbeatIntervalMs).toBe(1000)
    expect(clusterSection.save(values, 'file')).toMatchObject({ secret: 'ab'.repeat(32) })
  })

  it('reads how to repair, and writes nothing of it while it is as in the reference', () => {
    const repair = { interval: '1m0s', grace_period: '30s', pins_per_minute: 600, min_free_space: 1_000_000 }
    const values = clusterSection.load({ ...vector.cluster, repair }, { CLUSTER_REPAIR_MOVESATONCE: '2' }, '.')
    expect(values.repair).toEqual({
      intervalMs: 60_000,
      gracePeriodMs: 30_000,
      pinsPerMinute: 600,
      movesAtOnce: 2,
      moveTimeoutMs: 600_000,
      assumedPinSize: 0,
      minFreeSpace: 1_000_000
    })
    expect(clusterSection.save(values, 'file')).toEqual({ ...vector.cluster, repair: { ...repair, moves_at_once: 2 } })
    expect(clusterSection.save(clusterSection.defaults, 'file')).not.toHaveProperty('repair')
    expect(() => clusterSection.load({ ...vector.cluster, repair: { interval: '-1s' } }, {}, '.')).toThrow(
      'cluster.repair.interval is invalid'
    )
  })

  it('PM-11: reads a secret of 64 hex digits, or none, and refuses all others', () => {
    const secretOf = (secret: string): Uint8Array | undefined =>
      clusterSection.load({ ...vector.cluster, secret }, {}, '.').secret
    expect(secretOf('0f'.repeat(32))).toEqual(new Uint8Array(32).fill(15))
    expect(secretOf('')).toBeUndefined()
    for (const bad of ['0f'.repeat(31), '0f'.repeat(33), 'zz'.repeat(32), '0f'.repeat(31) + '0']) {
      expect(() => secretOf(bad)).toThrow('error loading cluster secret from config')
    }
  })

  it('takes an empty CLUSTER_SECRET for none, and refuses an empty number', () => {
    expect(clusterSection.load(vector.cluster, { CLUSTER_SECRET: '' }, '.').secret).toBeUndefined()
    expect(() => clusterSection.load(vector.cluster, { CLUSTER_LEAVEONSHUTDOWN: '' }, '.')).toThrow(
      'assigning CLUSTER_LEAVEONSHUTDOWN to LeaveOnShutdown'
    )
  })
})
