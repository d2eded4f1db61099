import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { diskConfig, type DiskConfig } from './config.ts'
import { DiskInformer } from './disk-informer.ts'

export { diskConfig, type DiskConfig, type DiskMetricType } from './config.ts'
export { DiskInformer, type DiskInformerContext } from './disk-informer.ts'

/** The component `informer.disk`. */
const descriptor: ComponentDescriptor<'informer', DiskConfig> = {
  port: PORT_VERSION,
  kind: 'informer',
  name: 'disk',
  config: diskConfig,
  create: (context, config) => new DiskInformer(context, config)
}
export default descriptor
