import { defineConfig } from 'vitest/config'
import shared from '../../vitest.shared.ts'

export default defineConfig({
  ...shared,
  // Not merged with the shared patterns: lists would be joined. One file after the other: each starts processes.
  test: {
    root: import.meta.dirname,
    include: ['src/*/*.interop.ts'],
    watch: false,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
