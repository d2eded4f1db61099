import { defineConfig } from 'rolldown'

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: ['classic-level'],
  resolve: { conditionNames: ['@cluster/source', 'node', 'import', 'default'] },
  output: { dir: 'dist', entryFileNames: 'main.js', format: 'esm', sourcemap: true, cleanDir: true }
})
