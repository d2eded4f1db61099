import type { Plant } from '@cluster/testing'

const SOURCE = '/pintracker/src'

/** Faults that the simulation must find: each is a piece of the tracker, changed as it is loaded. */
export const plants: Readonly<Record<string, Plant>> = {
  'forgotten-unpin': {
    about: 'a comparison with the pinset does not unpin what is no longer wanted',
    file: `${SOURCE}/assess.ts`,
    find: "if (pin === undefined) return record === undefined ? NONE : goOn('unpin', record)",
    replace: 'if (pin === undefined) return NONE'
  },
  'early-call': {
    about: 'IPFS is told to pin before the index has it for good',
    file: `${SOURCE}/work.ts`,
    find: 'await this.#index.written(operation.key)',
    replace: ''
  },
  'lazy-disk': {
    about: 'what is about to be pinned is written without an fsync',
    file: `${SOURCE}/status-index.ts`,
    find: "if (record.state === 'pin') return true",
    replace: "if (record.state === 'pin') return false"
  },
  'no-retry': {
    about: 'what failed is not tried again',
    file: `${SOURCE}/work.ts`,
    find: 'this.retryLater(key, retry)',
    replace: ''
  },
  'left-mark': {
    about: 'marks of what is to be done stay where they were',
    file: `${SOURCE}/status-index.ts`,
    find: 'if (oldPlace !== undefined && oldPlace !== place)',
    replace: 'if (oldPlace !== undefined && place === undefined && record === undefined)'
  },
  'any-depth': {
    about: 'a direct pin is taken for a recursive one',
    file: `${SOURCE}/assess.ts`,
    find: 'return pinned !== 0 || wanted === 0',
    replace: 'return true'
  },
  'two-at-once': {
    about: 'an operation does not wait for the end of the one that it replaces',
    file: `${SOURCE}/operation-queue.ts`,
    find: 'if (this.#running.get(entry.key) !== undefined) this.#countHeld(entry, 1)\n    else',
    replace: ''
  },
  'lost-aside': {
    about: 'what is set aside waits in no line',
    file: `${SOURCE}/operation-queue.ts`,
    find: "this.#enqueue(entry)\n    return isOther ? 'again' : 'aside'",
    replace: "return isOther ? 'again' : 'aside'"
  },
  'late-word': {
    about: 'what IPFS listed counts more than what happened since',
    file: `${SOURCE}/audit.ts`,
    find: '|| changed.has(key)) continue',
    replace: ') continue'
  },
  'late-retry': {
    about: 'after the clock was set back, a retry waits for the time that it was set to',
    file: `${SOURCE}/work.ts`,
    find: 'Math.min(atMs, this.#context.clock.nowMs() + MAX_WAIT_MS))\n  }',
    replace: 'atMs)\n  }'
  },
  'endless-pause': {
    about: 'after a pause for a busy process nothing begins by itself',
    file: `${SOURCE}/work.ts`,
    find: 'this.#cancelYield = clock.setTimer(dueMs, () => {\n      this.#pump()\n    })',
    replace: ''
  },
  'blind-restart': {
    about: 'after a restart nothing is taken up that was waiting',
    file: `${SOURCE}/reconcile.ts`,
    find: 'if (!(await takeUp(context, key, record.state, options))) return',
    replace: ''
  }
}
