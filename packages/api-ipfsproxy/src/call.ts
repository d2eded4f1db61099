import { ClusterError, type Clock, type Cluster, type Logger } from '@cluster/api'
import { goJson, queryUnescape, type HandlerEnv } from '@cluster/http'
import { parseQuery } from '@cluster/wire'
import type { Daemon } from './daemon.ts'

/** A call of the daemon that the cluster answers in its place. */
export interface HijackedCall {
  readonly cluster: Cluster
  readonly log: Logger
  readonly clock: Clock
  readonly daemon: Daemon
  /** Request and answer, and the signal that aborts when the client leaves. */
  readonly env: HandlerEnv
  readonly signal: AbortSignal
  readonly query: ReadonlyMap<string, string>
  /** All values of `arg`, in order. */
  readonly args: readonly string[]
}

/** Answers a call; what it throws before it has begun to answer becomes the error of the proxy. */
export type HijackHandler = (call: HijackedCall) => Promise<unknown>

/** What is answered instead of what is wanted, with a status of its own. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure'
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** The parameters of a request. */
export function parametersOf(url: string): Pick<HijackedCall, 'query' | 'args'> {
  const mark = url.indexOf('?')
  const text = mark < 0 ? '' : url.slice(mark + 1)
  const args = text
    .split('&')
    .filter((pair) => pair.startsWith('arg=') && !pair.includes(';'))
    .flatMap((pair) => queryUnescape(pair.slice('arg='.length)) ?? [])
  return { query: parseQuery(text), args }
}

/** The error of the proxy, in Kubo's form. @see http-apis.md §5.5 */
export function failureBody(message: string): string {
  return goJson({ Message: message, Code: 0, Type: 'error' })
}

/** One JSON value, without a line end, as in the reference. */
export function answer({ outgoing }: HandlerEnv, json: string, status = 200): void {
  outgoing.writeHead(status, { 'Content-Length': Buffer.byteLength(json) }).end(json)
}

/** Answers what went wrong: as an error, or by cutting an answer that has begun. */
export function answerFailure(env: HandlerEnv, error: unknown, log: Logger): void {
  const { outgoing, signal } = env
  const message = textOf(error)
  if (signal.aborted || outgoing.destroyed) return
  log.error(`${env.incoming.method ?? ''} ${(env.incoming.url ?? '').split('?', 1)[0] ?? ''}: ${message}`)
  if (outgoing.headersSent) outgoing.destroy()
  else answer(env, failureBody(message), error instanceof ProxyFailure ? error.status : 500)
}

/** The text of a thrown value. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Several failures as one, for the end of a stream; nothing when there is none. */
export function throwAll(failures: readonly string[]): void {
  if (failures.length > 0) throw new ClusterError('INTERNAL', failures.join('; '))
}
