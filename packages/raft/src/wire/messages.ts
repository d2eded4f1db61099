import { always, array, bool, bytes, decode, mapped, string, struct, Writer, type Codec } from '@cluster/msgpack'
import type { WireEntry } from '../entry.ts'
import type {
  AppendRequest,
  AppendResponse,
  Header,
  PreVoteRequest,
  PreVoteResponse,
  Reply,
  Request,
  Response,
  SnapshotRequest,
  SnapshotResponse,
  TimeoutNowRequest,
  TimeoutNowResponse,
  VoteRequest,
  VoteResponse
} from '../messages.ts'
import { wireEntry } from './entry.ts'
import { nameBytes, signed, unsigned } from './scalars.ts'

/** A message with the fields of its header inlined, as on the wire. */
type Flat<M extends { readonly header: Header }> = Omit<M, 'type' | 'header'> & {
  readonly address: string
  readonly id: string
  readonly protocolVersion: number
}

const address = always('Addr', nameBytes)
const id = always('ID', nameBytes)
const protocolVersion = always('ProtocolVersion', signed)
const term = always('Term', unsigned)
const leader = always('Leader', nameBytes)

function message<M extends Request | Response>(type: M['type'], flat: Codec<Flat<M>>): Codec<M> {
  return mapped(
    flat,
    ({ address, id, protocolVersion, ...rest }) =>
      ({ type, header: { protocolVersion, id, address }, ...rest }) as unknown as M,
    ({ header, ...rest }) => ({ ...rest, ...header }) as unknown as Flat<M>
  )
}

const requests = {
  append: message<AppendRequest>(
    'append',
    struct<Flat<AppendRequest>>({
      address,
      entries: always('Entries', array<WireEntry>(wireEntry)),
      id,
      leader,
      commitIndex: always('LeaderCommitIndex', unsigned),
      previousIndex: always('PrevLogEntry', unsigned),
      previousTerm: always('PrevLogTerm', unsigned),
      protocolVersion,
      term
    })
  ),
  vote: message<VoteRequest>(
    'vote',
    struct<Flat<VoteRequest>>({
      address,
      candidate: always('Candidate', nameBytes),
      id,
      lastIndex: always('LastLogIndex', unsigned),
      lastTerm: always('LastLogTerm', unsigned),
      isTransfer: always('LeadershipTransfer', bool),
      protocolVersion,
      term
    })
  ),
  snapshot: message<SnapshotRequest>(
    'snapshot',
    struct<Flat<SnapshotRequest>>({
      address,
      configuration: always('Configuration', bytes),
      configurationIndex: always('ConfigurationIndex', unsigned),
      id,
      lastIndex: always('LastLogIndex', unsigned),
      lastTerm: always('LastLogTerm', unsigned),
      leader,
      peers: always('Peers', bytes),
      protocolVersion,
      size: always('Size', signed),
      version: always('SnapshotVersion', signed),
      term
    })
  ),
  'timeout-now': message<TimeoutNowRequest>(
    'timeout-now',
    struct<Flat<TimeoutNowRequest>>({ address, id, protocolVersion })
  ),
  'pre-vote': message<PreVoteRequest>(
    'pre-vote',
    struct<Flat<PreVoteRequest>>({
      address,
      id,
      lastIndex: always('LastLogIndex', unsigned),
      lastTerm: always('LastLogTerm', unsigned),
      protocolVersion,
      term
    })
  )
}

const responses = {
  append: message<AppendResponse>(
    'append',
    struct<Flat<AppendResponse>>({
      address,
      id,
      lastLog: always('LastLog', unsigned),
      noRetryBackoff: always('NoRetryBackoff', bool),
      protocolVersion,
      success: always('Success', bool),
      term
    })
  ),
  vote: message<VoteResponse>(
    'vote',
    struct<Flat<VoteResponse>>({
      address,
      granted: always('Granted', bool),
      id,
      peers: always('Peers', bytes),
      protocolVersion,
      term
    })
  ),
  snapshot: message<SnapshotResponse>(
    'snapshot',
    struct<Flat<SnapshotResponse>>({ address, id, protocolVersion, success: always('Success', bool), term })
  ),
  'timeout-now': message<TimeoutNowResponse>(
    'timeout-now',
    struct<Flat<TimeoutNowResponse>>({ address, id, protocolVersion })
  ),
  'pre-vote': message<PreVoteResponse>(
    'pre-vote',
    struct<Flat<PreVoteResponse>>({ address, granted: always('Granted', bool), id, protocolVersion, term })
  )
}

/** The types of requests in the order of their type bytes. @see wire-raft.md §3.1 */
const TYPES = ['append', 'vote', 'snapshot', 'timeout-now', 'pre-vote'] as const

/** What kind of request a type byte begins; undefined for an unknown one. */
export function requestType(byte: number): Request['type'] | undefined {
  return TYPES[byte]
}

/** The bytes of a request: type byte and map. The data of a snapshot follows it on the stream. */
export function encodeRequest(request: Request): Uint8Array {
  const writer = new Writer({ initialBytes: 512 })
  writer.encoded(Uint8Array.of(TYPES.indexOf(request.type)))
  const codec = requests[request.type] as unknown as Codec<Request>
  codec.encode(writer, request)
  return writer.bytes()
}

/** Reads the map of a request. Throws a `MsgpackError`. */
export function decodeRequest(type: Request['type'], body: Uint8Array): Request {
  return decode(requests[type] as unknown as Codec<Request>, body)
}

/** The bytes of an answer: error text and body. */
export function encodeReply({ error, body }: Reply): Uint8Array {
  const writer = new Writer()
  writer.string(error)
  if (body === undefined) writer.nil()
  else (responses[body.type] as unknown as Codec<Response>).encode(writer, body)
  return writer.bytes()
}

/** Reads the error text of an answer. Throws a `MsgpackError`. */
export function decodeError(bytes: Uint8Array): string {
  return decode(string, bytes)
}

/** Reads the body of an answer to a request of that type; nil is undefined. Throws a `MsgpackError`. */
export function decodeResponse(type: Request['type'], body: Uint8Array): Response | undefined {
  if (body[0] === 0xc0) return undefined
  return decode(responses[type] as unknown as Codec<Response>, body)
}
