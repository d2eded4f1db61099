import { ClusterError, isClusterError, PinMode, type Pages, type Pin } from '@cluster/api'
import { goJson, ndjsonResponse, queryBoolean } from '@cluster/http'
import { CID } from 'multiformats/cid'
import { once } from 'node:events'
import {
  answer,
  answerFailure,
  failureBody,
  ProxyFailure,
  textOf,
  type HijackedCall,
  type HijackHandler
} from './call.ts'

/** A pin as `pin/ls` shows it, without its CID. */
interface Shown {
  readonly Type: 'recursive' | 'direct'
  readonly Name?: string
}

/** Which pins are wanted, and what of them. */
interface Wanted {
  readonly type: string
  readonly name: string
  readonly hasNames: boolean
}

const TYPES = ['', 'all', 'direct', 'indirect', 'recursive']

/** @see http-apis.md §5.7 */
export const pinListHandlers = {
  PinLs: async (call) => {
    const { query, args } = call
    const wanted = wantedOf(call)
    const isStream = query.get('stream') === 'true' || query.get('s') === 'true'
    if (args.length > 0) await listSome(call, wanted, isStream)
    else if (isStream) await streamAll(call, wanted)
    else await listAll(call, wanted)
  }
} as const satisfies Record<string, HijackHandler>

/** The reference ignores all of them. */
function wantedOf({ query }: HijackedCall): Wanted {
  const type = query.get('type') ?? ''
  const name = query.get('name') ?? ''
  if (!TYPES.includes(type)) {
    throw new ProxyFailure(500, `invalid type '${type}', must be one of {direct, indirect, recursive, all}`)
  }
  return { type, name, hasNames: name !== '' || queryBoolean(query, 'names') === true }
}

function show(pin: Pin, { type, name, hasNames }: Wanted): Shown | undefined {
  const kind = pin.mode === PinMode.direct ? 'direct' : 'recursive'
  if (type !== '' && type !== 'all' && type !== kind) return undefined
  if (!pin.name.includes(name)) return undefined
  return { Type: kind, ...(hasNames && pin.name !== '' ? { Name: pin.name } : {}) }
}

/** The pins that are named, each of which must be there. */
async function listSome(
  { cluster, signal, args, env }: HijackedCall,
  wanted: Wanted,
  isStream: boolean
): Promise<void> {
  const found: [CID, Shown][] = []
  for (const text of args) {
    const cid = CID.parse(text)
    const pin = await cluster.pins.get(cid, { signal }).catch((error: unknown) => {
      if (isClusterError(error, 'NOT_IN_PINSET')) return undefined
      throw error
    })
    const shown = pin === undefined ? undefined : show(pin, wanted)
    if (shown === undefined) throw new ProxyFailure(500, `Error: path '${text}' is not pinned`)
    found.push([cid, shown])
  }
  if (!isStream) answer(env, goJson({ Keys: Object.fromEntries(found.map(([cid, shown]) => [cid.toString(), shown])) }))
  else answer(env, found.map(([cid, shown]) => goJson({ Cid: cid.toString(), ...shown })).join('\n'))
}

async function streamAll(call: HijackedCall, wanted: Wanted): Promise<void> {
  const { cluster, signal, env, log } = call
  await ndjsonResponse(env, lines(cluster.pins.list({ signal }), wanted), {
    stringify: String,
    emptyStatus: 200,
    trailerOnSuccess: false,
    trailerWhenEmpty: true,
    failure: (error) => {
      log.error(`pin/ls: ${textOf(error)}`)
      return { status: 500, body: failureBody(textOf(error)) }
    }
  })
}

async function* lines(pages: Pages<Pin>, wanted: Wanted): AsyncGenerator<readonly string[], void> {
  for await (const page of pages) {
    yield page.flatMap((pin) => {
      const shown = show(pin, wanted)
      return shown === undefined ? [] : [goJson({ Cid: pin.cid.toString(), ...shown })]
    })
  }
}

/** One object, written while the pinset is read: there may be more pins than fit memory. */
async function listAll({ cluster, signal, env, log }: HijackedCall, wanted: Wanted): Promise<void> {
  const { outgoing } = env
  let separator = '{"Keys":{'
  try {
    for await (const page of cluster.pins.list({ signal })) {
      let text = ''
      for (const pin of page) {
        const shown = show(pin, wanted)
        if (shown === undefined) continue
        text += `${separator}"${pin.cid.toString()}":${goJson(shown)}`
        separator = ','
      }
      if (text !== '' && !outgoing.write(text)) await once(outgoing, 'drain', { signal })
    }
  } catch (error) {
    answerFailure(env, error instanceof Error ? error : new ClusterError('INTERNAL', String(error)), log)
    return
  }
  if (separator === ',') outgoing.end('}}')
  else answer(env, `${separator}}}`)
}
