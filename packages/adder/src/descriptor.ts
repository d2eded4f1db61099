import { limitCounter, PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { duration, integer, section, type ValuesOf } from '@cluster/config'
import { createAdder, DEFAULT_ADDER_LIMITS } from './adder.ts'

/** The section `adder.unixfs` of `service.json`. */
export const adderConfig = section({
  name: 'unixfs',
  env: 'CLUSTER_ADDER',
  options: {
    stall_timeout: duration({
      default: DEFAULT_ADDER_LIMITS.stallTimeoutMs,
      description: 'A peer that does not take a waiting block for so long is dropped from the add.'
    }),
    finish_timeout: duration({
      default: DEFAULT_ADDER_LIMITS.finishTimeoutMs,
      description: 'A peer that does not confirm for so long after the last block is dropped from the add.'
    }),
    lag_timeout: duration({
      default: DEFAULT_ADDER_LIMITS.lagTimeoutMs,
      description: 'A peer that holds up others for so long, and for half of the time of the add, is dropped from it.'
    }),
    max_entries: integer({
      default: DEFAULT_ADDER_LIMITS.maxEntries,
      description: 'Most files and directories in one add.'
    })
  },
  validate: ({ stallTimeoutMs, finishTimeoutMs, lagTimeoutMs, maxEntries }) => {
    if (stallTimeoutMs <= 0) return 'unixfs.stall_timeout is invalid'
    if (finishTimeoutMs <= 0) return 'unixfs.finish_timeout is invalid'
    if (lagTimeoutMs <= 0) return 'unixfs.lag_timeout is invalid'
    return maxEntries <= 0 ? 'unixfs.max_entries is invalid' : undefined
  }
})

/** The values of {@link adderConfig}. */
export type AdderConfig = ValuesOf<typeof adderConfig>

const descriptor: ComponentDescriptor<'adder', AdderConfig> = {
  port: PORT_VERSION,
  kind: 'adder',
  name: 'unixfs',
  config: adderConfig,
  create: ({ clock, log, metrics }, config) => {
    const limitReached = limitCounter(metrics)
    const onLimit = ({ message }: Error): void => {
      limitReached('add_entries')
      log.warn(`an add was refused: ${message}`)
    }
    return createAdder({ ...config, clock, log, onLimit })
  }
}
export default descriptor
