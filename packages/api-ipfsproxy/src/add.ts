import { ClusterError, timestampFromMs, type AddedOutput, type AddParams } from '@cluster/api'
import {
  errorBody,
  goJson,
  HttpError,
  ndjsonResponse,
  queryBoolean,
  readUpload,
  uploadedFiles,
  type UploadEntry
} from '@cluster/http'
import { addParamsFromQuery } from '@cluster/wire'
import { answer, failureBody, ProxyFailure, textOf, type HijackedCall, type HijackHandler } from './call.ts'

/** Most parts of one upload, as many as an adder takes entries. */
const MAX_PARTS = 8_388_608
/** Most bytes of an answer that is one list: about two million files. Streams have no such limit. */
const MAX_LIST_BYTES = 256 * 1024 * 1024
/** The connection ends with the answer: what is left of an upload is never taken for the next request. */
const HEADERS = { 'Cache-Control': 'no-cache', Connection: 'close' }

/** @see http-apis.md §5.9 */
export const addHandlers = {
  Add: async (call) => {
    const upload = uploadOf(call)
    const params = paramsOf(call)
    // The client that leaves ends the add; in the reference it goes on.
    const events = call.cluster.content.add(uploadedFiles(explained(upload)), params, { signal: call.signal })
    if (params.streamChannels) await streamed(call, events)
    else await listed(call, events)
  }
} as const satisfies Record<string, HijackHandler>

function uploadOf({ env: { incoming }, signal }: HijackedCall): AsyncIterable<UploadEntry> {
  try {
    return readUpload({ body: incoming, contentType: incoming.headers['content-type'], signal, maxParts: MAX_PARTS })
  } catch (error) {
    throw new ProxyFailure(500, `error reading request: ${textOf(error)}`, { cause: error })
  }
}

/** The parameters of the cluster's own add, and those of Kubo that mean something here. */
function paramsOf({ query, clock }: HijackedCall): AddParams {
  if (queryBoolean(query, 'only-hash') === true) {
    throw new ProxyFailure(500, 'only-hash is not supported when adding to cluster')
  }
  const own = new Map(query)
  if (queryBoolean(query, 'trickle') === true) own.set('layout', 'trickle')
  if (queryBoolean(query, 'pin') === false) own.set('no-pin', 'true')
  if ((own.get('name') ?? '') === '') own.set('name', query.get('pin-name') ?? '')
  try {
    return addParamsFromQuery(own, timestampFromMs(clock.nowMs()))
  } catch (error) {
    throw new ProxyFailure(500, `error parsing options:${textOf(error)}`, { cause: error })
  }
}

async function streamed({ env, log }: HijackedCall, events: AsyncIterable<AddedOutput>): Promise<void> {
  await ndjsonResponse(env, lines(events), {
    stringify: String,
    headers: { ...HEADERS, 'X-Chunked-Output': '1' },
    trailerOnSuccess: false,
    failure: (error) => {
      log.error(`add: ${textOf(error)}`)
      return { status: 500, body: failureBody(textOf(error)) }
    }
  })
}

async function* lines(events: AsyncIterable<AddedOutput>): AsyncGenerator<readonly string[], void> {
  for await (const event of events) yield [addedJson(event)]
}

async function listed({ env, log, signal }: HijackedCall, events: AsyncIterable<AddedOutput>): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) env.outgoing.setHeader(name, value)
  try {
    const items: string[] = []
    let length = 0
    for await (const event of events) {
      const json = addedJson(event)
      length += json.length
      if (length > MAX_LIST_BYTES) {
        throw new ClusterError('LIMIT', 'too many files for one list: add them with stream-channels=true')
      }
      items.push(json)
    }
    answer(env, `${items.length === 0 ? 'null' : `[${items.join()}]`}\n`)
  } catch (error) {
    if (signal.aborted) return
    log.error(`add: ${textOf(error)}`)
    answer(env, errorBody(500, textOf(error)), 500)
  }
}

/** An event of an add in the form of Kubo; what is zero is left out. */
function addedJson({ name, cid, bytes, size }: AddedOutput): string {
  return goJson({
    Name: name,
    ...(cid === undefined ? {} : { Hash: cid.toString() }),
    ...(bytes === 0n ? {} : { Bytes: bytes }),
    ...(size === 0n ? {} : { Size: size.toString() })
  })
}

/** What is wrong with an upload is the fault of who sends it. */
async function* explained(upload: AsyncIterable<UploadEntry>): AsyncGenerator<UploadEntry, void, undefined> {
  try {
    yield* upload
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    throw new ClusterError(error.code === 'UPLOAD_ABORTED' ? 'ABORTED' : 'BAD_REQUEST', error.message, { cause: error })
  }
}
