export * from './line-format.ts'
export * from './log-levels.ts'
export * from './logging.ts'
