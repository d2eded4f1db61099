import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { balancedAllocator } from './balanced.ts'
import { balancedConfig, type BalancedConfig } from './config.ts'

export { balancedAllocator } from './balanced.ts'
export { balancedConfig, type BalancedConfig } from './config.ts'

/** The component `allocator.balanced`. */
const descriptor: ComponentDescriptor<'allocator', BalancedConfig> = {
  port: PORT_VERSION,
  kind: 'allocator',
  name: 'balanced',
  config: balancedConfig,
  create: (_context, config) => balancedAllocator(config)
}
export default descriptor
