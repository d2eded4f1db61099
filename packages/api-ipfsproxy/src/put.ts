import { ClusterError, pinOf } from '@cluster/api'
import { goJson, ndjsonResponse } from '@cluster/http'
import { CID } from 'multiformats/cid'
import { buffer } from 'node:stream/consumers'
import type { Dispatcher } from 'undici'
import { failureBody, textOf, throwAll, type HijackedCall, type HijackHandler } from './call.ts'
import { hasBody } from './daemon.ts'
import { requestHeaders } from './forwarded-headers.ts'
import { jsonLines } from './json-lines.ts'

/** Most bytes of an error of the daemon. */
const MAX_ERROR_BYTES = 65_536

/** What is done with a value of the daemon's answer. */
interface Put {
  /** The CID that it names; none where it is about something else. */
  readonly cidOf: (value: object) => unknown
  /** The line for it; `failure` is why its CID could not be pinned. */
  readonly lineOf: (value: object, cid: CID | undefined, failure: string | undefined) => string | undefined
  /** Values of the query that the daemon gets instead of the client's. */
  readonly query: Readonly<Record<string, string>>
}

/** @see http-apis.md §5.12 */
export const putHandlers = {
  BlockPut: (call) =>
    put(call, {
      query: { pin: 'false' },
      cidOf: (value) => ('Key' in value ? value.Key : undefined),
      lineOf: (value, cid, failure) =>
        failure === undefined ? goJson({ Key: String(cid), Size: 'Size' in value ? value.Size : 0 }) : undefined
    }),

  DagPut: (call) =>
    put(call, {
      query: { pin: 'false' },
      cidOf: (value) => linkOf('Cid' in value ? value.Cid : undefined),
      lineOf: (_value, cid, failure) => (failure === undefined ? goJson({ Cid: { '/': String(cid) } }) : undefined)
    }),

  /** The daemon names the roots only while it pins them: it keeps its own pins beside those of the cluster. */
  DagImport: (call) =>
    put(call, {
      query: { 'pin-roots': 'true' },
      cidOf: (value) => {
        const root: unknown = 'Root' in value ? value.Root : undefined
        if (typeof root !== 'object' || root === null) return undefined
        if ('PinErrorMsg' in root && root.PinErrorMsg !== '') return undefined
        return linkOf('Cid' in root ? root.Cid : undefined)
      },
      lineOf: (value, cid, failure) =>
        failure === undefined ? goJson(value) : goJson({ Root: { Cid: { '/': String(cid) }, PinErrorMsg: failure } })
    })
} as const satisfies Record<string, HijackHandler>

const linkOf = (cid: unknown): unknown => (typeof cid === 'object' && cid !== null && '/' in cid ? cid['/'] : undefined)

/** Lets the daemon store what comes, and pins in the cluster what it says it has stored. */
async function put(call: HijackedCall, what: Put): Promise<void> {
  const { env, daemon, signal, log } = call
  const { incoming, outgoing } = env
  const answer = await daemon.call({
    method: 'POST',
    path: pathOf(incoming.url ?? '/', what.query),
    headers: requestHeaders(incoming, { dropAuthorization: env.identity !== undefined }),
    ...(hasBody(incoming) ? { body: incoming } : {}),
    signal
  })
  if (answer.statusCode !== 200) {
    const body = await buffer(answer.body)
    const shown = body.subarray(0, MAX_ERROR_BYTES)
    outgoing.writeHead(answer.statusCode, { 'Content-Length': shown.length }).end(shown)
    return
  }
  await ndjsonResponse(env, pinnedLines(call, answer, what), {
    stringify: String,
    emptyStatus: 200,
    trailerOnSuccess: false,
    trailerWhenEmpty: true,
    failure: (error) => {
      log.error(`${incoming.url ?? ''}: ${textOf(error)}`)
      return { status: 500, body: failureBody(textOf(error)) }
    }
  })
}

async function* pinnedLines(
  call: HijackedCall,
  { body, trailers }: Dispatcher.ResponseData,
  { cidOf, lineOf }: Put
): AsyncGenerator<readonly string[], void, undefined> {
  const failures: string[] = []
  for await (const value of jsonLines(body as AsyncIterable<Uint8Array>)) {
    const text = cidOf(value)
    const cid = typeof text === 'string' ? parseCid(text) : undefined
    const failure = cid === undefined ? undefined : await failureOf(pinned(call, cid))
    if (failure !== undefined) failures.push(failure)
    const line = lineOf(value, cid, failure)
    if (line !== undefined) yield [line]
  }
  // The daemon may fail after it has said 200: the reference loses that.
  const late = trailers['x-stream-error'] ?? ''
  throwAll(late === '' ? failures : [...failures, late])
}

async function pinned({ cluster, signal }: HijackedCall, cid: CID): Promise<void> {
  await cluster.pins.pin(pinOf(cid), { signal })
}

async function failureOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return textOf(error)
  }
}

function parseCid(text: string): CID {
  try {
    return CID.parse(text)
  } catch (error) {
    throw new ClusterError('IPFS', `IPFS answered with a CID that is none: ${text.slice(0, 200)}`, { cause: error })
  }
}

/** The path with some values of its query replaced. */
function pathOf(url: string, values: Readonly<Record<string, string>>): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const names = Object.keys(values)
  const kept = query.split('&').filter((pair) => pair !== '' && !names.includes(pair.split('=', 1)[0] ?? ''))
  return `${path}?${[...kept, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join('&')}`
}
