/** Where the entries of a log are, without an object for each: a million entries take some 24 MB. */
export class Places {
  #first: number
  readonly #segments: number[] = []
  readonly #offsets: number[] = []
  readonly #lengths: number[] = []

  constructor(first: number) {
    this.#first = first
  }

  get firstIndex(): number {
    return this.#first
  }

  get lastIndex(): number {
    return this.#first + this.#offsets.length - 1
  }

  /** The place of the entry after the last one. */
  append(segment: number, offset: number, length: number): void {
    this.#segments.push(segment)
    this.#offsets.push(offset)
    this.#lengths.push(length)
  }

  at(index: number): { readonly segment: number; readonly offset: number; readonly length: number } | undefined {
    const at = index - this.#first
    const segment = this.#segments[at]
    const offset = this.#offsets[at]
    const length = this.#lengths[at]
    if (segment === undefined || offset === undefined || length === undefined) return undefined
    return { segment, offset, length }
  }

  truncateFrom(index: number): void {
    const length = Math.max(0, index - this.#first)
    for (const list of this.#lists) list.length = Math.min(list.length, length)
  }

  truncateHead(first: number): void {
    const gone = Math.min(first - this.#first, this.#offsets.length)
    if (gone > 0) for (const list of this.#lists) list.splice(0, gone)
    this.#first = Math.max(this.#first, first)
  }

  /** Nothing is there; the next entry has this index. */
  reset(next: number): void {
    for (const list of this.#lists) list.length = 0
    this.#first = next
  }

  /** The segments that hold something. */
  segments(): Set<number> {
    return new Set(this.#segments)
  }

  get #lists(): readonly number[][] {
    return [this.#segments, this.#offsets, this.#lengths]
  }
}
