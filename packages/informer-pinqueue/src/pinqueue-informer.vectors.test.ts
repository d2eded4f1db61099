import { readFileSync } from 'node:fs'
import { testContext } from '@cluster/testing'
import { expect, it } from 'vitest'
import { pinqueueConfig } from './config.ts'
import { PinqueueInformer } from './pinqueue-informer.ts'

interface Recorded {
  readonly origin: string
  readonly metric: Readonly<Record<string, unknown>>
}
const vectors = new URL('../../testing/vectors/rpc/metrics.json', import.meta.url)
const { messages } = JSON.parse(readFileSync(vectors, 'utf8')) as { messages: readonly Recorded[] }
const published = messages.filter(({ origin, metric }) => origin.startsWith('go-') && metric['name'] === 'pinqueue')

it('measures what a Go peer with the same configuration published', async () => {
  const informer = new PinqueueInformer(
    { ...testContext(), tracker: { pinQueueSize: () => 0 } },
    pinqueueConfig.defaults
  )
  const [metric] = await informer.getMetrics({})
  expect(published).not.toEqual([])
  for (const { metric: theirs } of published) {
    const { name, value, valid, weight, partitionable } = metric
    expect(theirs).toMatchObject({ name, value, valid, weight: weight.toString(), partitionable })
  }
})
