import type { PeerId } from '@libp2p/interface'
import { HostError } from './host-error.ts'
import { isWrongSecret } from './protector.ts'

/**
 * Turns what libp2p throws for a failed dial into one line that names the peer and the reasons.
 *
 * @param secret - whether this host has a cluster secret
 */
export function dialError(peer: PeerId | string, error: unknown, secret: boolean): HostError {
  const reasons = [...new Set(reasonsOf(error))].join('; ')
  if (secret && isWrongSecret(error)) {
    return new HostError('wrong_secret', `cannot connect to ${peer.toString()}: ${reasons}`, { cause: error })
  }
  // A Go peer resets the connection as soon as the first bytes make no sense to it.
  const hint = secret && /ECONNRESET|reset/i.test(reasons) ? ' (perhaps it has another cluster secret)' : ''
  return new HostError('dial_failed', `cannot connect to ${peer.toString()}: ${reasons}${hint}`, { cause: error })
}

function reasonsOf(error: unknown): string[] {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.flatMap(reasonsOf)
  return [error instanceof Error ? error.message : String(error)]
}
