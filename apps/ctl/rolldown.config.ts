import { defineConfig } from 'rolldown'
import { licences } from '../../rolldown.licences.ts'

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: [],
  plugins: [licences()],
  resolve: { conditionNames: ['@cluster/source', 'node', 'import', 'default'] },
  // An import that is not found would be left to the reader's node_modules.
  onLog: (level, log, handle) => {
    handle(log.code === 'UNRESOLVED_IMPORT' ? 'error' : level, log)
  },
  output: { dir: 'dist', entryFileNames: 'main.js', format: 'esm', sourcemap: true, cleanDir: true }
})
