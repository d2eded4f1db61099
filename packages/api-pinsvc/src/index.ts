export { pinsvcConfig, type PinsvcConfig } from './config.ts'
export { default } from './descriptor.ts'
export { PinningService } from './pinning-service.ts'
