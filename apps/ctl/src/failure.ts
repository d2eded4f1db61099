import { ApiError } from '@cluster/client'
import { restErrorToJSON } from '@cluster/wire'
import { indentJson } from './indent-json.ts'

/** Exit codes, as scripts know them. */
export const exitCodes = { ok: 0, local: 1, api: 2, unknownCommand: 3, timeout: 62, cancelled: 125 } as const

/**
 * Something went wrong here, not at the API: one line on standard error.
 *
 * @see cli-config.md §1.5
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number

  /** @param doing - what was tried, as in `error <doing>: <cause>`; may be empty */
  constructor(doing: string, cause: unknown, exitCode: number = exitCodes.local) {
    super(`error ${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.exitCode = exitCode
  }
}

/** A command line that is not understood: the text and where it goes. */
export class MisuseError extends Error implements Report {
  override readonly name = 'MisuseError'
  readonly code = 'MISUSE'
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
  readonly exitCode: number

  constructor(text: string, stream: 'stdout' | 'stderr', exitCode: number) {
    super(text)
    this.text = text
    this.stream = stream
    this.exitCode = exitCode
  }
}

/** What is printed of an error, where, and the exit code. */
export interface Report {
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
  readonly exitCode: number
}

/** Turns what a command threw into its output and exit code; the only place that does. */
export function reportOf(error: unknown, encoding: 'text' | 'json'): Report {
  if (error instanceof Failure) return { stream: 'stderr', text: `${error.message}\n`, exitCode: error.exitCode }
  if (error instanceof MisuseError) return error
  if (error instanceof ApiError && !isBrokenStream(error)) {
    const { status: code } = error
    const message = jsonErrorText(error.message)
    const text =
      encoding === 'json'
        ? `${indentJson(restErrorToJSON({ code, message }))}\n`
        : `An error occurred:\n  Code: ${code.toString()}\n  Message: ${message}\n`
    return { stream: 'stdout', text, exitCode: code === 0 ? exitCodes.local : exitCodes.api }
  }
  const message = jsonErrorText(error instanceof Error ? error.message : String(error))
  return { stream: 'stderr', text: `error : ${message}\n`, exitCode: exitCodes.local }
}

/** What is no JSON, in the words of the reference. */
function jsonErrorText(message: string): string {
  return message
    .replace(
      /^Unexpected token '(.+)', .* is not valid JSON$/su,
      "invalid character '$1' looking for beginning of value"
    )
    .replace(/^Unexpected end of JSON input$/, 'unexpected end of JSON input')
}

/** The answer was good, but could not be read to its end. */
function isBrokenStream({ code, status }: ApiError): boolean {
  return code === 'BROKEN' && status < 400
}
