import { askHttp, LoneCluster, testCid, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, onTestFinished } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

it('answers the status of every CID, however long each takes', async () => {
  const cluster = new LoneCluster()
  const cids = Array.from({ length: 40 }, (_, index) => testCid(index))
  const { statuses } = cluster
  let asked = 0
  const slower = {
    ...statuses,
    status: async (...args: Parameters<typeof statuses.status>) => {
      // One after the other, each after the page of the one before has gone out.
      for (let turn = asked++ * 3; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
      return await statuses.status(...args)
    }
  }
  const config = { ...restApiConfig.defaults, httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')] }
  const api = new RestApi({ ...testContext(), cluster: Object.assign(cluster, { statuses: slower }) }, config)
  await api.beforeStart()
  await api.start()
  onTestFinished(() => api.stop())
  const port = Number(api.addresses[0]?.getComponents()[1]?.value)
  const { text } = await askHttp({ port, path: `/pins?cids=${cids.map(String).join()}` })
  const found = text.trimEnd().split('\n')
  const texts = found.map((line) => (JSON.parse(line) as { cid: string }).cid)
  expect(texts.sort()).toEqual(cids.map(String).sort())
})
