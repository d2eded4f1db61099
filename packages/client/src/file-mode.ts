import { constants } from 'node:fs'

/** Letters of types, as `ls` of the reference writes them. */
const types: readonly (readonly [number, string])[] = [
  [constants.S_IFDIR, 'd'],
  [constants.S_IFLNK, 'L'],
  [constants.S_IFBLK, 'D'],
  [constants.S_IFCHR, 'Dc'],
  [constants.S_IFIFO, 'p'],
  [constants.S_IFSOCK, 'S'],
  [constants.S_IFREG, '-']
]

const RIGHTS = ['r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x']

/** The mode of a file as text, such as `Dcrw-rw-rw-` for `/dev/null`. */
export function fileModeText(mode: number): string {
  const type = types.find(([bits]) => (mode & constants.S_IFMT) === bits)?.[1] ?? '?'
  const rights = RIGHTS.map((letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'))
  return type + rights.join('')
}
