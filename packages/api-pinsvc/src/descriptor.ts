import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { pinsvcConfig, type PinsvcConfig } from './config.ts'
import { PinningService } from './pinning-service.ts'

const descriptor: ComponentDescriptor<'api', PinsvcConfig> = {
  port: PORT_VERSION,
  kind: 'api',
  name: 'pinsvcapi',
  config: pinsvcConfig,
  create: (context, config) => new PinningService(context, config)
}
export default descriptor
