import { ipfsConnectorConformance } from './ipfs-connector-conformance.ts'
import { MemoryDag } from './memory-dag.ts'
import { MemoryIpfs } from './memory-ipfs.ts'
import { testPeerId } from './test-peer-id.ts'

ipfsConnectorConformance('MemoryIpfs', () => {
  const content = new MemoryDag()
  const connector = new MemoryIpfs(testPeerId(1), [], content)
  return Promise.resolve({
    connector,
    pinsByEncoding: true,
    provide: (blocks) => {
      content.provide(blocks)
      return Promise.resolve()
    }
  })
})
