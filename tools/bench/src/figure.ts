/** One measured value. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** A line of the output; figures below 100 keep one digit behind the point. */
export function formatFigure({ name, value, unit }: Figure): string {
  const digits = Math.abs(value) < 100 ? 1 : 0
  return `${name.padEnd(60)} ${value.toFixed(digits).padStart(10)} ${unit}`
}
