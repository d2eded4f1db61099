import { addHandlers } from './add.ts'
import type { HijackHandler } from './call.ts'
import { pinHandlers } from './pins.ts'
import { pinListHandlers } from './pin-list.ts'
import { putHandlers } from './put.ts'
import { repoHandlers } from './repo.ts'

/** A call that the cluster answers. */
export interface Hijacked {
  readonly handler: HijackHandler
  /** The segment behind the path, which stands for `arg`. */
  readonly argument: string | undefined
}

/** What decides about calls that the cluster answers only sometimes. */
export interface HijackOptions {
  readonly pinImports: boolean
}

const METHODS: readonly string[] = ['POST', 'GET', 'PUT']
const PREFIX = '/api/v0/'
const withArgument: Readonly<Record<string, HijackHandler>> = {
  'pin/add': pinHandlers.PinAdd,
  'pin/rm': pinHandlers.PinRm,
  'pin/ls': pinListHandlers.PinLs
}
const plain: Readonly<Record<string, HijackHandler>> = {
  ...withArgument,
  'pin/update': pinHandlers.PinUpdate,
  add: addHandlers.Add,
  'repo/stat': repoHandlers.RepoStat,
  'repo/gc': repoHandlers.RepoGc
}
/** Answered by the cluster only with `pin=true`. */
const pinning: Readonly<Record<string, HijackHandler>> = {
  'block/put': putHandlers.BlockPut,
  'dag/put': putHandlers.DagPut
}

/**
 * The handler of a call, if the cluster answers it; everything else is the daemon's.
 *
 * @param path - unescaped and clean
 * @see http-apis.md §5.2
 */
export function hijackedCall(
  method: string,
  path: string,
  query: ReadonlyMap<string, string>,
  { pinImports }: HijackOptions
): Hijacked | undefined {
  if (!METHODS.includes(method) || !path.startsWith(PREFIX)) return undefined
  const command = path.slice(PREFIX.length)
  const handler = own(plain, command)
  if (handler !== undefined) return { handler, argument: undefined }
  if (query.get('pin') === 'true') {
    const put = own(pinning, command)
    if (put !== undefined) return { handler: put, argument: undefined }
  }
  if (pinImports && command === 'dag/import' && query.get('pin-roots') !== 'false') {
    return { handler: putHandlers.DagImport, argument: undefined }
  }
  const slash = command.lastIndexOf('/')
  const [head, argument] = [command.slice(0, slash), command.slice(slash + 1)]
  const withSegment = argument === '' ? undefined : own(withArgument, head)
  return withSegment === undefined ? undefined : { handler: withSegment, argument }
}

function own(table: Readonly<Record<string, HijackHandler>>, command: string): HijackHandler | undefined {
  return Object.hasOwn(table, command) ? table[command] : undefined
}
