import type { BaseContext, ClusterError } from '@cluster/api'
import type { ComponentLogger, Logger as Libp2pLogger } from '@libp2p/interface'
import { ManualClock } from './manual-clock.ts'
import { memoryLogger, type LogLine } from './memory-logger.ts'
import { seededRandom } from './seeded-random.ts'
import { testPeerId } from './test-peer-id.ts'

/** What a component is created with in a test, and what the test reads back. */
export interface TestContext extends BaseContext {
  readonly clock: ManualClock
  readonly lines: readonly LogLine[]
  /** What was given to `fatal`. */
  readonly fatals: readonly ClusterError[]
}

/**
 * The base context of a component under test: manual clock, logger in memory, random numbers from a seed. Add the
 * collaborators of the component's kind to it.
 *
 * @example
 * ```ts
 * const context = { ...testContext(), datastore: new MemoryDatastore(), pinset, ipfs }
 * ```
 */
export function testContext(overrides: Partial<TestContext> = {}): TestContext {
  const fatals: ClusterError[] = []
  const log = memoryLogger()
  return {
    self: testPeerId(0),
    peername: 'test',
    baseDir: '.',
    log,
    lines: log.lines,
    libp2pLogger: silentLogger,
    metrics: undefined,
    clock: new ManualClock(),
    random: seededRandom(1),
    signal: new AbortController().signal,
    fatals,
    fatal: (error) => {
      fatals.push(error)
    },
    ...overrides
  }
}

const silent = (): void => undefined
const silentLog: Libp2pLogger = Object.assign(silent, {
  error: silent,
  trace: silent,
  enabled: false,
  newScope: () => silentLog
})
const silentLogger: ComponentLogger = { forComponent: () => silentLog }
