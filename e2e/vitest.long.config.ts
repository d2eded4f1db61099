import { defineConfig, mergeConfig } from 'vitest/config'
import shared from '../vitest.shared.ts'

const HOUR_MS = 3_600_000

export default mergeConfig(
  shared,
  defineConfig({
    // `nx e2e-long`: tests that take minutes; their sizes come from the environment, see README.md.
    test: {
      root: import.meta.dirname,
      include: ['src/**/*.long.ts'],
      fileParallelism: false,
      testTimeout: HOUR_MS,
      hookTimeout: HOUR_MS,
      disableConsoleIntercept: true
    }
  })
)
