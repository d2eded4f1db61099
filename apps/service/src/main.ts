import { run } from './run.ts'

process.title = 'ipfs-cluster-service'

const exitCode = await run(process.argv.slice(2), process.env)
if (exitCode !== undefined) process.exitCode = exitCode
