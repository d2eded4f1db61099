import { exitCodes, reportOf } from './failure.ts'
import { encodingOf, execute } from './program.ts'

// A reader such as `head` that has seen enough is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})

const words = process.argv.slice(2)
try {
  await execute(words, process.env)
} catch (error) {
  const { stream, text, exitCode } = reportOf(error, encodingOf(words))
  process[stream].write(text)
  process.exitCode = exitCode
}
// libp2p leaves timers behind that would hold the program for a second: it ends once all is written.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((resolve) => {
    stream.write('', () => {
      resolve()
    })
  })
}
process.exit()
