import { Failure } from './failure.ts'
import { program } from './program.ts'

/**
 * Runs the program: a failure is one line on standard error. Without a command it prints help.
 *
 * @returns the exit code; `undefined` where the command sets its own
 */
export async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const commands = program(env)
  if (args.length === 0) {
    commands.outputHelp()
    return 1
  }
  try {
    await commands.parseAsync(args, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    process.stderr.write(`${error.message}\n`)
    return error.exitCode
  }
}
