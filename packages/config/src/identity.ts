import { ClusterError } from '@cluster/api'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { z } from 'zod'
import { toGoJson } from './go-json.ts'
import { parsePeerId } from './peer-id-text.ts'
import { parsePrivateKey } from './private-key-text.ts'

/** Who a peer is. */
export interface Identity {
  readonly id: PeerId
  readonly privateKey: PrivateKey
}

const identityJson = z.object({ id: z.string().optional(), private_key: z.string().optional() })

/** A new Ed25519 identity. */
export async function createIdentity(): Promise<Identity> {
  const privateKey = await generateKeyPair('Ed25519')
  return { id: peerIdFromPrivateKey(privateKey), privateKey }
}

/**
 * Reads the text of `identity.json`; `CLUSTER_ID` and `CLUSTER_PRIVATEKEY` win over it.
 *
 * @throws {ClusterError} `CONFIG_INVALID`, saying which of the two fields is wrong
 * @see cli-config.md §4.7
 */
export function parseIdentity(text: string, env: Readonly<Record<string, string | undefined>> = {}): Identity {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalid('not a JSON object', error)
  }
  const fields = identityJson.safeParse(json)
  if (!fields.success) throw invalid('expected an object with the texts "id" and "private_key"')
  const own = pair(fields.data.id, fields.data.private_key)
  const { CLUSTER_ID: id, CLUSTER_PRIVATEKEY: key } = env
  if (id === undefined && key === undefined) return own
  try {
    return pair(id ?? fields.data.id, key ?? fields.data.private_key)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw invalid(`error applying environment variables to the identity: ${cause}`, error)
  }
}

/** The text of `identity.json`. Keep it to yourself: mode 0600. */
export function formatIdentity({ id, privateKey }: Identity): string {
  const key = Buffer.from(privateKeyToProtobuf(privateKey)).toString('base64')
  return toGoJson({ id: id.toString(), private_key: key }, 4)
}

function pair(id: string | undefined, key: string | undefined): Identity {
  if (id === undefined) throw invalid('identity ID not set')
  const peer = decode('error decoding cluster ID', () => parsePeerId(id))
  if (key === undefined || key === '') throw invalid('no identity private_key set')
  const privateKey = decode(undefined, () => parsePrivateKey(key))
  const owner = decode(`error parsing private_key ID (${privateKey.type})`, () => peerIdFromPrivateKey(privateKey))
  if (!owner.equals(peer)) throw invalid('identity ID does not match the private_key')
  return { id: peer, privateKey }
}

function decode<T>(what: string | undefined, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw invalid(what === undefined ? cause : `${what}: ${cause}`)
  }
}

function invalid(message: string, cause?: unknown): ClusterError {
  return new ClusterError('CONFIG_INVALID', message, { cause })
}
