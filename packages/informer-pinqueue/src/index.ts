import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { pinqueueConfig, type PinqueueConfig } from './config.ts'
import { PinqueueInformer } from './pinqueue-informer.ts'

export { pinqueueConfig, type PinqueueConfig } from './config.ts'
export { PinqueueInformer, type PinqueueInformerContext } from './pinqueue-informer.ts'

/** The component `informer.pinqueue`. */
const descriptor: ComponentDescriptor<'informer', PinqueueConfig> = {
  port: PORT_VERSION,
  kind: 'informer',
  name: 'pinqueue',
  config: pinqueueConfig,
  create: (context, config) => new PinqueueInformer(context, config)
}
export default descriptor
