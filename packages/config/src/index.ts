export * from './duration.ts'
export * from './multiaddr-text.ts'
export * from './option.ts'
export * from './section.ts'
