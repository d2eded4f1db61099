import { LIBP2P_HTTP, libp2pTransport, type Transport } from '@cluster/client'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

/** How long a dial may take. */
const DIAL_TIMEOUT_MS = 5000

/** A peer whose API is reached over libp2p. */
export interface Libp2pPeer {
  readonly peer: string
  /** Without the peer ID at its end. */
  readonly address: string
}

/** No connection came about, or the peer serves no API on it; in the words that scripts know. */
class DialError extends Error {
  override readonly name = 'DialError'
}

/**
 * The way to a peer over libp2p, with a new identity each time. The node is made with the first request.
 *
 * @param secret - of the private network; empty without one
 * @see cli-config.md §1.3
 */
export function libp2pWay({ peer, address }: Libp2pPeer, secret: Uint8Array): Transport {
  let node: Promise<Libp2p> | undefined
  const transport = libp2pTransport({
    connect: async (_, { signal }) => {
      node ??= createNode(secret)
      const abort = signal === undefined ? {} : { signal }
      try {
        return await (await node).dialProtocol(multiaddr(`${address}/p2p/${peer}`), LIBP2P_HTTP, abort)
      } catch (error) {
        signal?.throwIfAborted()
        throw dialError(error, peer, address)
      }
    }
  })
  return {
    ...transport,
    close() {
      // The program ends with it, and all answers are there: no connection is ended with ceremony.
      node
        ?.then((started) => {
          for (const connection of started.getConnections()) connection.abort(new Error('the program ends'))
          return started.stop()
        })
        .catch(() => undefined)
    }
  }
}

/** Loaded only by those who need it: it makes the program slower to start. */
async function createNode(secret: Uint8Array): Promise<Libp2p> {
  const { createPlainNode } = await import('@cluster/host')
  return createPlainNode({ dialPeerTimeoutMs: DIAL_TIMEOUT_MS, ...(secret.length === 0 ? {} : { secret }) })
}

function dialError(error: unknown, peer: string, address: string): DialError {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) }
  if (name === 'UnsupportedProtocolError') {
    const text = `failed to negotiate protocol: protocols not supported: [${LIBP2P_HTTP}]`
    return new DialError(text, { cause: error })
  }
  const reasons = [...new Set(reasonsOf(error))]
  const isRefused = reasons.some((reason) => reason.includes('ECONNREFUSED'))
  const [, , host = '', , port = ''] = address.split('/')
  const why = isRefused
    ? `dial tcp4 ${host}:${port}: connect: connection refused`
    : `failed to negotiate security protocol: ${/abort|timed? ?out/i.test(reasons.join(' ')) ? 'context deadline exceeded' : reasons.join('; ') || message}`
  const text = `failed to dial: failed to dial ${peer}: all dials failed\n  * [${address}] ${why}`
  return new DialError(text, { cause: error })
}

function reasonsOf(error: unknown): string[] {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.flatMap(reasonsOf)
  return [error instanceof Error ? error.message : String(error)]
}
