import { isUtf8 } from 'node:buffer'
import {
  ClusterError,
  isClusterError,
  timestampFromMs,
  type AddedOutput,
  type ErrorCode,
  type FileEntry
} from '@cluster/api'
import { HttpError, readUpload, type UploadEntry } from '@cluster/http'
import { addedOutputToJSON, addParamsFromQuery } from '@cluster/wire'
import { errorAnswer, onePerPage, streamAnswer, type RestCall, type RestHandler } from './call.ts'
import { guardOf, ownedOptions } from './ownership.ts'

/** Most parts of one upload, as many as an adder takes entries. */
const MAX_PARTS = 8_388_608
/** Longest target of a symbolic link: far above what file systems take. */
const MAX_TARGET_BYTES = 65_536
/** Most bytes of an answer that is one list: about two million files. Streams have no such limit. */
const MAX_LIST_BYTES = 256 * 1024 * 1024

/** The connection ends with the answer: what is left of an upload is never taken for the next request. */
const addHeaders = { 'Cache-Control': 'no-cache', Connection: 'close' }

/**
 * Adds an upload. Both forms hold the status back until the first event (the list until the end), so that what is
 * wrong from the start is answered as an error, which the reference does not do.
 *
 * @see http-apis.md §3.16
 */
export const addHandlers = {
  Add: async (call) => {
    const params = await ownedOptions(call, addParamsFromQuery(call.query, timestampFromMs(call.nowMs)))
    const { incoming } = call.env
    const contentType = incoming.headers['content-type']
    const upload = readUpload({ body: incoming, contentType, signal: call.signal, maxParts: MAX_PARTS })
    const seen = { parts: 0, isAll: false }
    const entries = entriesOf(explained(upload), seen)
    const events = call.cluster.content.add(entries, params, { ...guardOf(call), signal: call.signal })
    return await (params.streamChannels ? streamed(call, events) : listed(call, events, seen))
  }
} as const satisfies Record<string, RestHandler>

function streamed(call: RestCall, events: AsyncIterable<AddedOutput>): Promise<Response> {
  const headers = { ...addHeaders, 'X-Chunked-Output': '1' }
  return streamAnswer(call, onePerPage(events), addedOutputToJSON, { headers, trailerOnSuccess: false })
}

/** What has been read of an upload. */
interface Seen {
  parts: number
  isAll: boolean
}

/** What goes wrong is 500 here, whatever it is, as in the reference; but for an upload of nothing. */
async function listed(call: RestCall, events: AsyncIterable<AddedOutput>, seen: Seen): Promise<Response> {
  try {
    const json = await listOf(events)
    return new Response(`${json}\n`, { headers: { ...addHeaders, 'Content-Type': 'application/json' } })
  } catch (error) {
    const isNothing = seen.isAll && seen.parts === 0
    const isTold = !isClusterError(error, 'BAD_REQUEST') || isNothing
    return errorAnswer(isTold ? error : new ClusterError('ADD_FAILED', error.message), call.log, addHeaders)
  }
}

async function listOf(events: AsyncIterable<AddedOutput>): Promise<string> {
  const items: string[] = []
  let length = 0
  for await (const event of events) {
    const json = addedOutputToJSON(event)
    length += json.length
    if (length > MAX_LIST_BYTES) {
      throw new ClusterError('LIMIT', 'too many files for one list: add them with stream-channels=true')
    }
    items.push(json)
  }
  return items.length === 0 ? 'null' : `[${items.join()}]`
}

/** What is wrong with an upload is the fault of who sends it. */
async function* explained(upload: AsyncIterable<UploadEntry>): AsyncGenerator<UploadEntry, void, undefined> {
  try {
    yield* upload
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    throw new ClusterError(uploadCodes[error.code] ?? 'BAD_REQUEST', error.message, { cause: error })
  }
}

const uploadCodes: Readonly<Partial<Record<HttpError['code'], ErrorCode>>> = {
  MULTIPART_LIMIT: 'LIMIT',
  UPLOAD_ABORTED: 'ABORTED'
}

/** The parts of an upload as the adder takes them. */
async function* entriesOf(upload: AsyncIterable<UploadEntry>, seen: Seen): AsyncGenerator<FileEntry, void, undefined> {
  for await (const { type, path, body, abspath } of upload) {
    seen.parts += 1
    if (type === 'directory') yield { type, path }
    else if (type === 'symlink') yield { type, path, target: await targetOf(body) }
    else yield { type, path, content: body, ...(abspath === undefined ? {} : { source: abspath }) }
  }
  seen.isAll = true
}

async function targetOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    length += part.length
    if (length > MAX_TARGET_BYTES) {
      throw new ClusterError('LIMIT', `target of a symbolic link is longer than ${MAX_TARGET_BYTES} bytes`)
    }
    parts.push(part)
  }
  const target = Buffer.concat(parts)
  if (!isUtf8(target)) throw new ClusterError('BAD_REQUEST', 'target of a symbolic link is not valid UTF-8')
  return target.toString()
}
