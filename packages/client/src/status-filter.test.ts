import { TrackerStatus } from '@cluster/api'
import { expect, it } from 'vitest'
import { statusFilterText } from './status-filter.ts'

it.each([
  [0, ''],
  [TrackerStatus.pinned, 'pinned'],
  [TrackerStatus.pinError | TrackerStatus.pinned, 'pin_error,pinned'],
  [TrackerStatus.error, 'error'],
  [TrackerStatus.error | TrackerStatus.queued, 'error,queued'],
  [TrackerStatus.pinQueued | TrackerStatus.remote, 'remote,pin_queued']
])('filter %d is told as %j', (filter, text) => {
  expect(statusFilterText(filter)).toBe(text)
})
