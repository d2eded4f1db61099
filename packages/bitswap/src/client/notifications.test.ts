/** The scenarios of boxo's notifications, each under the name that it has there. @see bitswap.md §5.3 */
import { describe, expect, it } from 'vitest'
import { cid } from './client-bench.fixture.ts'
import { Notifications, type Waiter } from './notifications.ts'

const bytes = Uint8Array.of(1)

/** Somebody who notes what is delivered. */
function listener(name: string, heard: string[]): Waiter {
  return {
    deliver: () => heard.push(name),
    fail: (error) => heard.push(`${name}: ${error.message}`)
  }
}

describe('notifications', () => {
  it('Duplicates: a second delivery reaches nobody', () => {
    const [notifications, heard] = [new Notifications(), [] as string[]]
    notifications.add(cid(1).key, listener('a', heard))
    notifications.deliver(cid(1).key, { bytes })
    notifications.deliver(cid(1).key, { bytes })
    expect(heard).toEqual(['a'])
  })

  it('PublishSubscribe, SubscribeMany: everybody gets what they wait for, and nothing else', () => {
    const [notifications, heard] = [new Notifications(), [] as string[]]
    notifications.add(cid(1).key, listener('a', heard))
    notifications.add(cid(1).key, listener('b', heard))
    notifications.add(cid(2).key, listener('c', heard))
    notifications.deliver(cid(3).key, { bytes })
    notifications.deliver(cid(1).key, { bytes })
    expect(heard).toEqual(['a', 'b'])
    notifications.deliver(cid(2).key, { bytes })
    expect(heard).toEqual(['a', 'b', 'c'])
  })

  it('DuplicateSubscribe: who waits twice is told once', () => {
    const [notifications, heard] = [new Notifications(), [] as string[]]
    const one = listener('a', heard)
    notifications.add(cid(1).key, one)
    notifications.add(cid(1).key, one)
    notifications.deliver(cid(1).key, { bytes })
    expect(heard).toEqual(['a'])
  })

  it('CarryOnWhenDeadlineExpires: who gave up is not told, the others are', () => {
    const [notifications, heard] = [new Notifications(), [] as string[]]
    const gone = listener('gone', heard)
    notifications.add(cid(1).key, gone)
    notifications.add(cid(1).key, listener('a', heard))
    notifications.remove(cid(1).key, gone)
    notifications.deliver(cid(1).key, { bytes })
    expect(heard).toEqual(['a'])
    expect(notifications.isAwaited(cid(1).key)).toBe(false)
  })
})
