import { accountForBuffers } from './external-memory.ts'
import { run } from './run.ts'

process.title = 'ipfs-cluster-service'
accountForBuffers()

const exitCode = await run(process.argv.slice(2), process.env)
if (exitCode !== undefined) process.exitCode = exitCode
