import { once } from 'node:events'
import { indentJson } from './indent-json.ts'
import { paintFor, type Paint } from './paint.ts'

/** How results are printed. */
export type Encoding = 'text' | 'json'

/** Prints results on standard output, in the encoding that was asked for. */
export class Output {
  readonly encoding: Encoding
  /** Colours words on terminals that show colours. */
  readonly paint: Paint

  constructor(encoding: Encoding, env: NodeJS.ProcessEnv = {}) {
    this.encoding = encoding
    this.paint = paintFor(encoding === 'text' && process.stdout.isTTY, env)
  }

  /** Prints text as it is. */
  write(text: string): void {
    process.stdout.write(text)
  }

  /** Prints one value. */
  print<T>(value: T, toText: (value: T) => string, toJson: (value: T) => string): void {
    this.write(this.#textOf(value, toText, toJson))
  }

  /** Prints values as they come, no faster than they are read; as JSON one object after the other, not a list. */
  async printEach<T>(
    values: AsyncIterable<T>,
    toText: (value: T) => string,
    toJson: (value: T) => string
  ): Promise<void> {
    for await (const value of values) {
      if (!process.stdout.write(this.#textOf(value, toText, toJson))) await once(process.stdout, 'drain')
    }
  }

  #textOf<T>(value: T, toText: (value: T) => string, toJson: (value: T) => string): string {
    return this.encoding === 'json' ? `${indentJson(toJson(value))}\n` : toText(value)
  }
}
