export { createAdder, DEFAULT_ADDER_LIMITS, type AdderOptions } from './adder.ts'
export { UNKNOWN_CID } from './send/allocate.ts'
export { adderConfig, default, type AdderConfig } from './descriptor.ts'
