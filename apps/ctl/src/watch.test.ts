import { TrackerStatus, type GlobalPinInfo } from '@cluster/api'
import { globalPinInfoFromJSON } from '@cluster/wire'
import { afterEach, expect, it, vi } from 'vitest'
import { Output } from './output.ts'
import { noPaint, paintFor } from './paint.ts'
import { watch } from './watch.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const cids = ['QmSa21JYSE3Es5cujnQ3tRVToGepgNrJ36euEPYDfeRNbj', 'QmbrCtydGyPeHiLURSPMqrvE5mCgMCwFYq3UD4XLCeAYw6']
const peer = '12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J'
let second = 10

function info(cid = '', status = 'pinning'): GlobalPinInfo {
  const timestamp = `2026-11-21T10:00:${(second++).toString()}Z`
  return globalPinInfoFromJSON({ cid, name: 'x', peer_map: { [peer]: { peername: 'p', status, timestamp } } })
}

/** Shows one round after the other; the last is ended by Ctrl-C. */
async function watched(rounds: readonly (readonly GlobalPinInfo[])[]): Promise<string> {
  let output = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text)
    return true
  })
  let round = 0
  await watch(
    async function* () {
      await Promise.resolve()
      if (round === rounds.length - 1) process.emit('SIGINT')
      yield* rounds[round++] ?? []
    },
    new Output('text'),
    1
  )
  return output
}

it('shows what changes, not new times', async () => {
  const [a = '', b = ''] = cids
  const output = await watched([
    [info(a), info(b)],
    [info(a), info(b)],
    [info(a, 'pinned'), info(b)],
    [info(a, 'pinned')]
  ])
  const titles = output.split('\n').filter((line) => line.endsWith(' | x:'))
  expect(titles).toEqual([`${a} | x:`, `${b} | x:`, `${a} | x:`])
  expect(output).toContain('PINNED')
  expect(process.listenerCount('SIGINT')).toBe(0)
})

it('fails as the command would', async () => {
  const failing = watch(
    () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('gone')) })
    }),
    new Output('text'),
    1
  )
  await expect(failing).rejects.toThrow('gone')
})

it('has colours on terminals only', () => {
  expect(paintFor(false, {})).toBe(noPaint)
  expect(paintFor(true, { NO_COLOR: '1' })).toBe(noPaint)
  expect(paintFor(true, { TERM: 'dumb' })).toBe(noPaint)
  expect(paintFor(true, {})('PINNED', TrackerStatus.pinned)).toBe('\u001b[32mPINNED\u001b[0m')
})
