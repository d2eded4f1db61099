import { readFileSync } from 'node:fs'
import { FakeKubo, ipfsConnectorConformance, testContext, type TestContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { expect } from 'vitest'
import { httpConfig } from './config.ts'
import { KuboIpfs } from './kubo-ipfs.ts'

const vectors = new URL('../../testing/vectors/cli/kubo-texts.json', import.meta.url)
const { answers } = JSON.parse(readFileSync(vectors, 'utf8')) as { answers: Record<string, string> }

ipfsConnectorConformance('ipfshttp', async () => {
  const kubo = await FakeKubo.listen(answers)
  const context: TestContext = testContext()
  const nodeMultiaddress = multiaddr(`/ip4/127.0.0.1/tcp/${kubo.port}`)
  return {
    connector: new KuboIpfs(context, { ...httpConfig.defaults, nodeMultiaddress }),
    pinsByEncoding: true,
    provide: (blocks) => {
      kubo.provide(blocks)
      return Promise.resolve()
    },
    close: async () => {
      expect(context.clock.pending).toBe(0)
      await kubo.close()
    }
  }
})
