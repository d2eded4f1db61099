import { createInterface } from 'node:readline'

const MAX_TRIES = 3

/** Reads one line of standard input; `undefined` at its end. */
export async function readLine(question: string): Promise<string | undefined> {
  process.stdout.write(question)
  const lines = createInterface({ input: process.stdin, terminal: false })
  try {
    for await (const line of lines) return line
    return undefined
  } finally {
    lines.close()
    // a file as standard input keeps nothing alive, and has no such method
    if ('unref' in process.stdin) process.stdin.unref()
  }
}

/**
 * Asks a question that is answered by `y` or `n`. Nothing at all means no.
 *
 * @see cli-config.md §2.3
 */
export async function confirm(question: string): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const answer = (await readLine(`${question} `))?.trim().split(/\s+/)[0] ?? ''
    if (/^y$/i.test(answer)) return true
    if (/^(n|)$/i.test(answer)) return false
    process.stdout.write("Please press either 'y' or 'n'\n")
  }
  return false
}
