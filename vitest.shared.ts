import { defineConfig, type ViteUserConfig } from 'vitest/config'

const conditions = ['@cluster/source', 'module', 'node', 'development|production']
const shared: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    watch: false,
    // No test measures time: this ends those that hang, on slow machines too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reportsDirectory: 'coverage' }
  }
})
export default shared
