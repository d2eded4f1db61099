import type { Explanation, Move, PeerService } from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { parseJson } from './json.ts'
import {
  explanationFromJSON,
  explanationToJSON,
  moveFromJSON,
  moveToJSON,
  peerServiceFromJSON,
  peerServiceToJSON
} from './to-json.ts'

const peer = peerIdFromString('12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J')
const other = peerIdFromString('12D3KooWSa7BJUjnxxfRr8TZ2UbizHsGY97ttQSXohnttRLREeNr')
const cid = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')

it('prints and reads what was decided about a peer', () => {
  const service: PeerService = { peer, peername: 'a', state: 'draining', since: 1_700_000_000_000_000_000n, by: other }
  const text = peerServiceToJSON(service)
  expect(text).toBe(
    `{"peer":"${peer.toString()}","peername":"a","state":"draining","since":"2023-11-14T22:13:20Z","by":"${other.toString()}"}`
  )
  expect(peerServiceFromJSON(parseJson(text))).toEqual(service)
})

it('prints and reads a move; a state of a later version is a failure', () => {
  const move: Move = { cid, name: 'n', add: [peer], drop: [], state: 'moved', reason: 'why', error: '' }
  expect(moveFromJSON(parseJson(moveToJSON(move)))).toEqual(move)
  expect(moveFromJSON(parseJson(moveToJSON(move).replace('"moved"', '"teleported"'))).state).toBe('failed')
  expect(() => moveFromJSON({})).toThrow('move without cid')
})

it('prints and reads an explanation', () => {
  const explanation: Explanation = {
    cid: undefined,
    replicationFactorMin: 2,
    replicationFactorMax: 3,
    current: [],
    allocations: [peer],
    error: '',
    peers: [
      {
        peer,
        peername: 'a',
        verdict: 'candidate',
        chosen: true,
        place: 0,
        reason: 'the most free space',
        metrics: [
          {
            name: 'freespace',
            peer,
            value: '5',
            expire: 1n,
            valid: true,
            weight: 5n,
            partitionable: false,
            receivedAt: 2n
          }
        ]
      }
    ]
  }
  expect(explanationFromJSON(parseJson(explanationToJSON(explanation)))).toEqual(explanation)
})
