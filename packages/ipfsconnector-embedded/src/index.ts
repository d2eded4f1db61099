import { type ComponentDescriptor, PORT_VERSION } from '@cluster/api'
import { type EmbeddedConfig, embeddedConfig } from './config.ts'
import { EmbeddedIpfs } from './embedded-ipfs.ts'

export { type EmbeddedConfig, embeddedConfig } from './config.ts'
export { type EmbeddedContext, EmbeddedIpfs } from './embedded-ipfs.ts'

/** The component `ipfs_connector.embedded`. */
const descriptor: ComponentDescriptor<'ipfs_connector', EmbeddedConfig> = {
  port: PORT_VERSION,
  kind: 'ipfs_connector',
  name: 'embedded',
  config: embeddedConfig,
  create: (context, config) => new EmbeddedIpfs(context, config)
}
export default descriptor
