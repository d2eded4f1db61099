import { defineConfig, type Plugin } from 'rolldown'
import { licences } from '../../rolldown.licences.ts'

const wanted = "req('../../package.json')"
/** This library reads its name and version from a file that is not there in a bundle. */
const ssdpVersion: Plugin = {
  name: 'ssdp-version',
  transform: {
    filter: { id: /@achingbrain[\\/]ssdp[\\/]dist[\\/]src[\\/]ssdp\.js$/ },
    handler(code) {
      if (!code.includes(wanted)) throw new Error(`${wanted} is not in ssdp any more: look how it is bundled now`)
      return code.replace(wanted, "{ name: 'ssdp', version: '4' }")
    }
  }
}

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: ['classic-level'],
  plugins: [ssdpVersion, licences()],
  resolve: { conditionNames: ['@cluster/source', 'node', 'import', 'default'] },
  // An import that is not found would be left to the reader's node_modules.
  onLog: (level, log, handle) => {
    handle(log.code === 'UNRESOLVED_IMPORT' ? 'error' : level, log)
  },
  output: { dir: 'dist', entryFileNames: 'main.js', format: 'esm', sourcemap: true, cleanDir: true }
})
