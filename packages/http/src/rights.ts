import type { Identity } from './authenticate.ts'
import { HttpError } from './errors.ts'

/** What a user may do. `unpin-own` is for what the user has pinned; `admin` is everything. */
export type Right = 'read' | 'add' | 'pin' | 'unpin-own' | 'admin'

/** All rights, in the order in which they are told. */
export const RIGHTS: readonly Right[] = Object.freeze(['read', 'add', 'pin', 'unpin-own', 'admin'])

/** The key of the metadata of a pin that names its user. */
export const OWNER_KEY = 'owner'

/** User to rights. Who is not in it may do everything. */
export type UserRights = ReadonlyMap<string, ReadonlySet<Right>>

/**
 * Reads the rights of users as a configuration has them.
 *
 * @param users - who has a password: rights of others are a mistake
 * @throws HttpError `BAD_RIGHTS` that says which name is wrong
 * @see http-apis.md §9, wish 3
 */
export function userRights(
  json: Readonly<Record<string, readonly string[]>>,
  users: { readonly has: (user: string) => boolean }
): UserRights {
  return new Map(
    Object.entries(json).map(([user, names]) => {
      if (!users.has(user)) throw new HttpError('BAD_RIGHTS', `there is no user ${JSON.stringify(user)}`)
      const wrong = names.find((name) => !isRight(name))
      if (wrong === undefined) return [user, new Set(names.filter(isRight))]
      throw new HttpError('BAD_RIGHTS', `${JSON.stringify(wrong)} is none of ${RIGHTS.join(', ')}`)
    })
  )
}

/** Whether a text names a right. */
export function isRight(name: unknown): name is Right {
  return RIGHTS.some((right) => right === name)
}

/** Whether who asks may do this. Where nobody has to say who he is, everybody may do everything. */
export function hasRight(identity: Pick<Identity, 'rights'> | undefined, right: Right): boolean {
  const { rights } = identity ?? {}
  return rights === undefined || rights.has('admin') || rights.has(right)
}

/** The rights that are in both; `undefined` stands for all of them. */
export function commonRights(
  a: ReadonlySet<Right> | undefined,
  b: ReadonlySet<Right> | undefined
): ReadonlySet<Right> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (a.has('admin')) return b
  return b.has('admin') ? a : a.intersection(b)
}

/** What who lacks a right is told. */
export function refusalOf(identity: Pick<Identity, 'user'> | undefined, right: Right): string {
  return `forbidden: ${identity?.user ?? 'nobody'} has no right to do this: it needs "${right}"`
}

/**
 * Whether who asks may change or remove a pin: it is their own, as its metadata say, or they may do everything.
 *
 * @param pin - what is there; anybody may take the place of nothing
 */
export function mayChange(
  identity: Pick<Identity, 'user' | 'rights'> | undefined,
  pin: { readonly metadata?: ReadonlyMap<string, string> | undefined } | undefined
): boolean {
  if (identity === undefined || pin === undefined || hasRight(identity, 'admin')) return true
  return pin.metadata?.get(OWNER_KEY) === identity.user
}
