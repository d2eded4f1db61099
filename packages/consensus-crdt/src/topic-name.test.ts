import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { topicName } from './index.ts'

const file = new URL('../../testing/vectors/crdt/broadcasts.json', import.meta.url)
const { topics } = JSON.parse(readFileSync(file, 'utf8')) as { topics: Record<string, string> }

test.each(Object.entries(topics))('the topic of %s is %s', (name, topic) => {
  expect(topicName(name)).toBe(topic)
})
