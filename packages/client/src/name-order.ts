/**
 * Names in the order of their bytes in UTF-8, which is that of their code points; JavaScript's own differs above U+FFFF.
 */
export function byName(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (one === other) continue
    const [isOneWide, isOtherWide] = [isSurrogate(one), isSurrogate(other)]
    return isOneWide === isOtherWide ? one - other : isOneWide ? 1 : -1
  }
  return a.length - b.length
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff
