import { defineConfig } from 'vitest/config'
import shared from '../../vitest.shared.ts'

export default defineConfig({
  ...shared,
  // Not merged with the shared patterns: lists would be joined.
  test: { root: import.meta.dirname, include: ['src/**/*.e2e.ts'], testTimeout: 120_000, hookTimeout: 300_000 }
})
