/** What a schedule throws when an invariant does not hold. Any other error that it throws counts as one, too. */
export class Violation extends Error {
  override readonly name = 'Violation'
  /** The rule that was broken, in one line, such as `nothing acknowledged is missing`. */
  readonly invariant: string

  /** @param detail - what was found instead */
  constructor(invariant: string, detail = '') {
    super(detail)
    this.invariant = invariant
  }
}

/**
 * Throws unless `holds`.
 *
 * @param detail - a function, so that it costs nothing while all is well
 * @throws {Violation}
 */
export function mustHold(holds: boolean, invariant: string, detail?: () => string): asserts holds {
  if (!holds) throw new Violation(invariant, detail?.())
}
