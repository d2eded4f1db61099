export * from './free-port.ts'
export * from './peer-process.ts'
export * from './program.ts'
export * from './run.ts'
