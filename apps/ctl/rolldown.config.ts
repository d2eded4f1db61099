import { defineConfig } from 'rolldown'

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: [],
  resolve: { conditionNames: ['@cluster/source', 'node', 'import', 'default'] },
  // An import that is not found would be left to the reader's node_modules.
  onLog: (level, log, handle) => {
    handle(log.code === 'UNRESOLVED_IMPORT' ? 'error' : level, log)
  },
  output: { dir: 'dist', entryFileNames: 'main.js', format: 'esm', sourcemap: true, cleanDir: true }
})
