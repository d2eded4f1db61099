import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { pubsubmonConfig, type PubsubmonConfig } from './config.ts'
import { PubsubMonitor } from './pubsub-monitor.ts'

export { pubsubmonConfig, type PubsubmonConfig } from './config.ts'
export { PubsubMonitor, type PubsubMonitorContext } from './pubsub-monitor.ts'

/** The component `monitor.pubsubmon`. */
const descriptor: ComponentDescriptor<'monitor', PubsubmonConfig> = {
  port: PORT_VERSION,
  kind: 'monitor',
  name: 'pubsubmon',
  config: pubsubmonConfig,
  create: (context, config) => new PubsubMonitor(context, config)
}
export default descriptor
