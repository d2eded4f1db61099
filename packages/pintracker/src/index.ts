import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { statelessConfig, type StatelessConfig } from './config.ts'
import { eventLoopLoad } from './event-loop-load.ts'
import { IndexedTracker } from './indexed-tracker.ts'

export { statelessConfig, type StatelessConfig } from './config.ts'
export { IndexedTracker, type IndexedTrackerContext } from './indexed-tracker.ts'
export { type QueueLimits } from './operation-queue.ts'

/** The component `pin_tracker.stateless`. */
const descriptor: ComponentDescriptor<'pin_tracker', StatelessConfig> = {
  port: PORT_VERSION,
  kind: 'pin_tracker',
  name: 'stateless',
  config: statelessConfig,
  create: (context, config) => new IndexedTracker({ ...context, isBusy: eventLoopLoad() }, config)
}
export default descriptor
