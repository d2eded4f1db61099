import { defineConfig, type ViteUserConfig } from 'vitest/config'

const conditions = ['@cluster/source', 'module', 'node', 'development|production']
const shared: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    watch: false,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reportsDirectory: 'coverage' }
  }
})
export default shared
