import { plainConsensusHealth, type ConsensusHealth } from '@cluster/api'
import { decode, encode } from '@cluster/msgpack'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { consensusHealthForm, consensusHealthFromJSON, consensusHealthToJSON, parseJson } from './index.ts'

const cid = CID.parse('bafybeienk6odhl6gooxm5xalq5yatpk74cpr5fukb5d4ltuoey63wnbh7a')
const health: ConsensusHealth = {
  ...plainConsensusHealth('crdt', 'stuck', 'one block is nowhere'),
  heads: [{ cid, height: 2n ** 63n }],
  headCount: 1,
  maxHeight: 2n ** 63n,
  missing: [{ cid, attempts: 7, error: 'nobody has it' }],
  missingCount: 1,
  firstSync: true,
  lastError: 'nobody has it',
  lastErrorAt: 1_700_000_000_000_000_000n
}

describe('the health of a consensus', () => {
  it('survives JSON and msgpack', () => {
    const text = consensusHealthToJSON(health)
    expect(JSON.parse(text)).toMatchObject({ state: 'stuck', head_count: 1, missing: [{ attempts: 7 }] })
    expect(consensusHealthToJSON(consensusHealthFromJSON(parseJson(text)))).toBe(text)
    const { msgpack } = consensusHealthForm
    expect(consensusHealthToJSON(decode(msgpack, encode(msgpack, health)))).toBe(text)
  })

  it('of a later version or another program is read as far as it is known', () => {
    const read = consensusHealthFromJSON({ consensus: 'raft', state: 'dreaming', heads: null, more: 1 })
    expect(read).toEqual(plainConsensusHealth('raft', 'unknown', ''))
    expect(() => consensusHealthFromJSON({ heads: [{ height: 1 }] })).toThrow('heads: 0: head without cid')
  })
})
