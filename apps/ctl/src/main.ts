import { exitCodes, reportOf } from './failure.ts'
import { program } from './program.ts'

// A reader such as `head` that has seen enough is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})

const commands = program(process.env)
try {
  if (process.argv.length > 2) await commands.parseAsync()
  else commands.outputHelp()
} catch (error) {
  const { encoding } = commands.opts() as { encoding?: string }
  const { stream, text, exitCode } = reportOf(error, encoding === 'json' ? 'json' : 'text')
  process[stream].write(text)
  process.exitCode = exitCode
}
