import { indentJson } from './indent-json.ts'

/** How results are printed. */
export type Encoding = 'text' | 'json'

/** Prints results on standard output, in the encoding that was asked for. */
export class Output {
  readonly encoding: Encoding

  constructor(encoding: Encoding) {
    this.encoding = encoding
  }

  /** Prints one value. */
  print<T>(value: T, toText: (value: T) => string, toJson: (value: T) => string): void {
    process.stdout.write(this.encoding === 'json' ? `${indentJson(toJson(value))}\n` : toText(value))
  }

  /** Prints values as they come; as JSON one object after the other, not a list. */
  async printEach<T>(
    values: AsyncIterable<T>,
    toText: (value: T) => string,
    toJson: (value: T) => string
  ): Promise<void> {
    for await (const value of values) this.print(value, toText, toJson)
  }
}
