import {
  ClusterError,
  parseContentPath,
  PinMode,
  pinOf,
  ZERO_PIN_OPTIONS,
  type ContentPath,
  type PinOptions
} from '@cluster/api'
import { goJson, queryBoolean } from '@cluster/http'
import type { CID } from 'multiformats/cid'
import { answer, ProxyFailure, textOf, type HijackedCall, type HijackHandler } from './call.ts'

/** @see http-apis.md §5.6, §5.8 */
export const pinHandlers = {
  /** All arguments, in order; the reference takes the first one only. */
  PinAdd: async (call) => {
    const options = optionsOf(call)
    const paths = pathsOf(call)
    const pinned: CID[] = []
    for (const path of paths) pinned.push(await pin(call, path, options))
    answerPins(call, pinned)
  },

  PinRm: async (call) => {
    const paths = pathsOf(call)
    const unpinned: CID[] = []
    for (const path of paths) unpinned.push(await unpin(call, path))
    answerPins(call, unpinned)
  },

  PinUpdate: async (call) => {
    const [fromText, toText] = call.args
    if (fromText === undefined) throw new ProxyFailure(400, 'argument "from-path" is required')
    if (toText === undefined) throw new ProxyFailure(400, 'argument "to-path" is required')
    const fromPath = pathOf(fromText, 'error parsing "from-path" argument')
    const toPath = pathOf(toText, 'error parsing "to-path" argument')
    const from = await resolve(call, fromPath)
    const { cluster, signal, query } = call
    await cluster.pins.get(from, { signal })
    const to = await resolve(call, toPath)
    // The reference would end up without the pin.
    if (!to.equals(from)) {
      await cluster.pins.pin(pinOf(to, { pinUpdate: from }), { signal })
      if (queryBoolean(query, 'unpin') !== false) await cluster.pins.unpin(from, { signal })
    }
    answerPins(call, [from, to])
  }
} as const satisfies Record<string, HijackHandler>

/** `recursive=false` means the same as `type=direct`; the reference knows the latter only. */
function optionsOf({ query }: HijackedCall): Partial<PinOptions> {
  const isDirect = query.get('type') === 'direct' || queryBoolean(query, 'recursive') === false
  return { name: query.get('name') ?? '', mode: isDirect ? PinMode.direct : PinMode.recursive }
}

/** At least one path, so that a call without any has the error of the empty one. */
function pathsOf({ args }: HijackedCall): readonly ContentPath[] {
  return (args.length === 0 ? [''] : args).map((text) => pathOf(text, 'Error parsing IPFS Path'))
}

function pathOf(text: string, what: string): ContentPath {
  try {
    return parseContentPath(text)
  } catch (error) {
    throw new ProxyFailure(500, `${what}: ${textOf(error)}`, { cause: error })
  }
}

/** What a path is when nobody has to be asked where it leads. */
function plainCid({ root, names }: ContentPath): CID | undefined {
  return names.length === 0 ? root : undefined
}

async function resolve({ cluster, signal }: HijackedCall, path: ContentPath): Promise<CID> {
  const cid = plainCid(path)
  if (cid !== undefined) return cid
  if (cluster.content.resolve === undefined) {
    throw new ClusterError('NOT_SUPPORTED', 'this peer cannot find out where a path leads: give a CID')
  }
  return cluster.content.resolve(path.text, { signal })
}

async function pin({ cluster, signal }: HijackedCall, path: ContentPath, options: Partial<PinOptions>): Promise<CID> {
  const cid = plainCid(path)
  const pinned =
    cid === undefined
      ? await cluster.pins.pinPath({ ...ZERO_PIN_OPTIONS, ...options, path: path.text }, { signal })
      : await cluster.pins.pin(pinOf(cid, options), { signal })
  return pinned.cid
}

async function unpin({ cluster, signal }: HijackedCall, path: ContentPath): Promise<CID> {
  const cid = plainCid(path)
  const unpinned =
    cid === undefined ? await cluster.pins.unpinPath(path.text, { signal }) : await cluster.pins.unpin(cid, { signal })
  return unpinned.cid
}

function answerPins({ env }: HijackedCall, cids: readonly CID[]): void {
  answer(env, goJson({ Pins: cids.map(String) }))
}
