import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { httpConfig, type HttpConfig } from './config.ts'
import { KuboIpfs } from './kubo-ipfs.ts'

export { httpConfig, type HttpConfig } from './config.ts'
export { KuboError } from './daemon/kubo-error.ts'
export { KuboIpfs, type KuboIpfsContext } from './kubo-ipfs.ts'

/** The component `ipfs_connector.ipfshttp`. */
const descriptor: ComponentDescriptor<'ipfs_connector', HttpConfig> = {
  port: PORT_VERSION,
  kind: 'ipfs_connector',
  name: 'ipfshttp',
  config: httpConfig,
  create: (context, config) => new KuboIpfs(context, config)
}
export default descriptor
