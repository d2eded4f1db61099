/** Words that differ in more letters are no typing errors of each other. */
const MOST_EDITS = 2
/** So many letters may stand for the one word that begins with them. */
const SHORTEST_BEGINNING = 2

/** The word that was meant, if one of the known ones is close enough to what was typed. */
export function suggestionFor(typed: string, known: Iterable<string>): string | undefined {
  const begun = typed.length < SHORTEST_BEGINNING ? [] : [...known].filter((word) => word.startsWith(typed))
  if (begun.length === 1) return begun[0]
  let best: string | undefined
  let least = Math.min(MOST_EDITS, Math.floor((typed.length - 1) / 2)) + 1
  for (const word of known) {
    const edits = editsBetween(typed, word, least)
    if (edits < least) {
      least = edits
      best = word
    }
  }
  return best
}

/** Letters to insert, remove, replace or swap with their neighbour. */
function editsBetween(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const options = [(row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1)]
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) options.push((before[j - 2] ?? 0) + 1)
      next.push(Math.min(...options))
    }
    before = row
    row = next
  }
  return row[b.length] ?? limit
}
