import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { ipfsProxyConfig, type IpfsProxyConfig } from './config.ts'
import { IpfsProxy } from './ipfs-proxy.ts'

const descriptor: ComponentDescriptor<'api', IpfsProxyConfig> = {
  port: PORT_VERSION,
  kind: 'api',
  name: 'ipfsproxy',
  config: ipfsProxyConfig,
  create: (context, config) => new IpfsProxy(context, config)
}
export default descriptor
