import { Failure } from './failure.ts'
import { program } from './program.ts'

process.title = 'ipfs-cluster-service'

try {
  const commands = program(process.env)
  if (process.argv.length > 2) await commands.parseAsync()
  else {
    commands.outputHelp()
    process.exitCode = 1
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.exitCode
}
