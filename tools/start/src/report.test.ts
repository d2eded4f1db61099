import { TrackerStatus, type GlobalPinInfo, type PinInfoShort } from '@cluster/api'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { report } from './report.ts'

const cid = CID.parse('QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq')
const running = (name: string, port: number) => ({
  name,
  restUrl: `http://127.0.0.1:${port.toString()}`,
  gatewayUrl: `http://127.0.0.1:${(port + 1).toString()}`
})
const entry = (peername: string, status: TrackerStatus): PinInfoShort => ({
  peername,
  ipfsPeerId: undefined,
  ipfsPeerAddresses: undefined,
  status,
  timestamp: undefined,
  error: '',
  attemptCount: 0,
  priorityPin: false
})

it('shows who has it, where to look, and how to ask', () => {
  const peers = [running('peer0', 1000), running('peer1', 2000), running('peer2', 3000)]
  const [first] = peers
  const status: GlobalPinInfo = {
    cid,
    name: 'x',
    allocations: undefined,
    origins: undefined,
    created: undefined,
    metadata: undefined,
    peerMap: new Map([
      ['a', entry('peer0', TrackerStatus.pinned)],
      ['b', entry('peer1', TrackerStatus.remote)]
    ])
  }
  const text = report(
    peers,
    first ?? expect.unreachable(),
    { cid, name: 'x', path: 'x', items: [] },
    status,
    'http://link'
  )
  expect(text).toContain('peer0 (added here)  PINNED   http://127.0.0.1:1000  http://127.0.0.1:1001')
  expect(text).toContain('peer1               REMOTE ')
  expect(text).toContain('peer2               unknown')
  expect(text).toContain('http://link')
  expect(text).toContain('--host /ip4/127.0.0.1/tcp/1000 status')
})
