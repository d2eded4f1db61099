import {
  ClusterError,
  DEFAULT_ADD_PARAMS,
  PinMode,
  ZERO_PIN_OPTIONS,
  type AddParams,
  type PinOptions
} from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { addParamsFromQuery, addParamsToQuery, parseQuery, pinOptionsFromQuery, pinOptionsToQuery } from './index.ts'

const now = 1_700_000_000_123_456_789n
const peerA = peerIdFromString('12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo')
const peerB = peerIdFromString('12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6')

const pinOptions = (query: string): PinOptions => pinOptionsFromQuery(parseQuery(query), now)
const addParams = (query: string): AddParams => addParamsFromQuery(parseQuery(query), now)
function errorText(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof ClusterError && error.code === 'BAD_REQUEST') return error.message
    throw error
  }
  return 'nothing thrown'
}

describe('parseQuery', () => {
  it('takes the first of two values, + for a space, and drops what Go drops', () => {
    const query = parseQuery('a=1&a=2&b=x+y%20z&c&=empty&d=%zz&e=1;f=2&g=%C3%A9&h=%ff&&i=a=b')
    expect([...query]).toEqual([
      ['a', '1'],
      ['b', 'x y z'],
      ['c', ''],
      ['', 'empty'],
      ['g', 'é'],
      ['h', '\ufffd'],
      ['i', 'a=b']
    ])
  })
})

describe('pin options in a query', () => {
  it('writes the example of the specification', () => {
    const options: PinOptions = {
      ...ZERO_PIN_OPTIONS,
      replicationFactorMin: 2,
      replicationFactorMax: 3,
      name: 'my pin & co',
      userAllocations: [peerA, peerB],
      expireAt: BigInt(Date.parse('2030-01-02T03:04:05Z')) * 1_000_000n + 600_000_000n,
      metadata: new Map([['app', 'x y']])
    }
    expect(pinOptionsToQuery(options)).toBe(
      'expire-at=2030-01-02T03%3A04%3A05.6Z&meta-app=x+y&mode=recursive&name=my+pin+%26+co&replication-max=3&replication-min=2&shard-size=0&user-allocations=12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo%2C12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6'
    )
    expect(pinOptionsToQuery(ZERO_PIN_OPTIONS)).toBe(
      'mode=recursive&name=&replication-max=0&replication-min=0&shard-size=0&user-allocations='
    )
    expect(pinOptionsToQuery({ ...ZERO_PIN_OPTIONS, name: "a*(b)!'~-_." })).toContain('name=a%2A%28b%29%21%27~-_.&')
  })

  it('reads nothing as the zero options with an empty map of metadata', () => {
    expect(pinOptions('')).toEqual({ ...ZERO_PIN_OPTIONS, metadata: new Map() })
  })

  it('lets replication win over both factors', () => {
    expect(pinOptions('replication=4&replication-min=1&replication-max=x')).toMatchObject({
      replicationFactorMin: 4,
      replicationFactorMax: 4
    })
    expect(pinOptions('replication-min=-1&replication-max=%2B2')).toMatchObject({
      replicationFactorMin: -1,
      replicationFactorMax: 2
    })
  })

  it('drops peers that are none, without a word', () => {
    expect(pinOptions(`user-allocations=nope,${peerA.toString()},`).userAllocations).toEqual([peerA])
  })

  it('counts expire-in from now, and only without expire-at', () => {
    expect(pinOptions('expire-in=1h30m').expireAt).toBe(now + 5_400_000_000_000n)
    expect(pinOptions('expire-in=1h&expire-at=1970-01-01T00:00:01Z').expireAt).toBe(1_000_000_000n)
    expect(pinOptions('mode=else').mode).toBe(PinMode.recursive)
  })

  it.each([
    ['replication-min=1_000', 'parameter replication-min invalid'],
    ['replication=x', 'parameter replication-min invalid'],
    ['replication-max=1.5', 'parameter replication-max invalid'],
    ['shard-size=-1', 'parameter shard_size is invalid'],
    ['shard-size=18446744073709551616', 'parameter shard_size is invalid'],
    ['expire-in=5', 'expire-in cannot be parsed: time: missing unit in duration "5"'],
    ['expire-in=999ms', 'expire-in duration too short'],
    ['expire-in=-1h', 'expire-in duration too short'],
    ['origins=/ip4/1.2.3.4/tcp/1', 'multiaddress does not contain peer ID: /ip4/1.2.3.4/tcp/1']
  ])('refuses %s in the words of the Go peer', (query, text) => {
    expect(errorText(() => pinOptions(query))).toBe(text)
  })

  it.each([
    ['expire-at=tomorrow', 'expire-at cannot be parsed: '],
    ['expire-in=1y', 'expire-in cannot be parsed: '],
    ['pin-update=nope', 'error decoding update option parameter: '],
    ['origins=nope', 'error decoding multiaddress: ']
  ])('refuses %s with the cause behind the words of the Go peer', (query, text) => {
    expect(errorText(() => pinOptions(query)).startsWith(text)).toBe(true)
  })

  it('reports the first fault in the order of the specification', () => {
    expect(errorText(() => pinOptions('origins=x&pin-update=x&shard-size=x'))).toBe('parameter shard_size is invalid')
    expect(errorText(() => addParams('layout=x&local=x&origins=/ip4/1.2.3.4'))).toContain('peer ID')
    expect(errorText(() => addParams('no-pin=x&local=x&format=x'))).toBe('format parameter is invalid')
    expect(errorText(() => addParams('no-pin=x&local=x'))).toBe('parameter local invalid')
  })
})

it('keeps the zone of a time', () => {
  const query = parseQuery('expire-at=2099-01-02T03:04:05.123456789%2B02:00')
  expect(pinOptionsFromQuery(query, 0n).timeOffsets).toEqual({ expireAt: 120 })
  expect(pinOptionsFromQuery(parseQuery('expire-at=2099-01-02T03:04:05Z'), 0n).timeOffsets).toBeUndefined()
})

describe('parameters of an add in a query', () => {
  it('writes the default set of the specification', () => {
    expect(addParamsToQuery(DEFAULT_ADD_PARAMS)).toBe(
      'chunker=size-262144&cid-version=0&format=unixfs&hash=sha2-256&hidden=false&layout=&local=false&mode=recursive&name=&no-pin=false&nocopy=false&progress=false&raw-leaves=false&recursive=false&replication-max=0&replication-min=0&shard=false&shard-size=104857600&stream-channels=true&user-allocations=&wrap-with-directory=false'
    )
  })

  it('reads nothing as the defaults, shard size included', () => {
    expect(addParams('')).toEqual({ ...DEFAULT_ADD_PARAMS, metadata: new Map() })
  })

  it('brings every parameter back', () => {
    const params: AddParams = {
      ...DEFAULT_ADD_PARAMS,
      name: 'n',
      shardSize: 0n,
      metadata: new Map([['a', 'b']]),
      origins: [multiaddr(`/ip4/1.2.3.4/tcp/1/p2p/${peerB.toString()}`)],
      local: true,
      recursive: true,
      hidden: true,
      wrapWithDirectory: true,
      shard: true,
      progress: true,
      streamChannels: false,
      noPin: true,
      format: 'car',
      layout: 'trickle',
      chunker: 'rabin',
      rawLeaves: true,
      hash: 'blake3',
      cidVersion: 1,
      noCopy: true
    }
    expect(addParams(addParamsToQuery(params))).toEqual(params)
    expect(addParams(addParamsToQuery({ ...params, rawLeaves: false })).rawLeaves).toBe(false)
  })

  it('turns raw leaves on with a CID version above 0, unless told otherwise', () => {
    expect(addParams('cid-version=1').rawLeaves).toBe(true)
    expect(addParams('cid-version=1&raw-leaves=f').rawLeaves).toBe(false)
    expect(addParams('mode=direct&pin-update=QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')).toMatchObject({
      mode: PinMode.recursive,
      pinUpdate: undefined
    })
  })

  it('knows the names that @nftstorage/ipfs-cluster sends; the others come first', () => {
    const sent = 'stream-channels=false&wrap=true'
    expect(addParams(`${sent}&no-copy=true`)).toMatchObject({ wrapWithDirectory: true, noCopy: true })
    expect(addParams(`${sent}&wrap-with-directory=false`).wrapWithDirectory).toBe(false)
    expect(addParams('wrap=true&no-copy=x')).toMatchObject({ wrapWithDirectory: false, noCopy: false })
  })

  it.each([
    ['layout=flat', 'layout parameter is invalid'],
    ['format=zip', 'format parameter is invalid'],
    ['cid-version=x', 'parameter cid-version invalid'],
    ['shard=yes', 'parameter shard invalid'],
    ['stream-channels=no', 'parameter stream-channels invalid'],
    ['wrap-with-directory=TrUe', 'parameter wrap-with-directory invalid']
  ])('refuses %s in the words of the Go peer', (query, text) => {
    expect(errorText(() => addParams(query))).toBe(text)
  })
})
