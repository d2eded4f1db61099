import type { Figure } from './figure.ts'

/** Something that is measured: it tells each figure as soon as it has it. */
export type Job = (say: (figure: Figure) => void) => Promise<void>
