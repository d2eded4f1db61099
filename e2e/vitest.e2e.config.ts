import { defineConfig, mergeConfig } from 'vitest/config'
import shared from '../vitest.shared.ts'

export default mergeConfig(
  shared,
  defineConfig({
    // One file after the other: each starts several processes, and there may be only two cores.
    test: {
      root: import.meta.dirname,
      include: ['src/**/*.e2e.ts'],
      fileParallelism: false,
      testTimeout: 60_000,
      hookTimeout: 60_000
    }
  })
)
