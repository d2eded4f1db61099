import { ClusterError, isClusterError, type Pages, type Pin } from '@cluster/api'
import { parseJson, peerIdFromText, pinFromJSON } from '@cluster/wire'
import type { PeerId } from '@libp2p/interface'
import { jsonObjects } from './json-objects.ts'

/** What an import changes in every pin. */
export interface PinOverrides {
  /** 0 for what the pin says. */
  readonly replicationMin: number
  readonly replicationMax: number
  /** None for what the pin says. */
  readonly allocations: readonly PeerId[]
}

/** The peers of a comma-separated list; what is no peer ID is left out. */
export function peersOf(list: string): readonly PeerId[] {
  return list.split(',').flatMap((text) => {
    try {
      return [peerIdFromText(text.trim())]
    } catch {
      return []
    }
  })
}

/**
 * The pins of a dump, in its order, in pages of what arrives at once.
 *
 * @throws {ClusterError} `CORRUPT` or `LIMIT`, with the line of the dump
 * @see cli-config.md §5.2
 */
export async function* readPins(source: AsyncIterable<Uint8Array>, overrides: PinOverrides): Pages<Pin> {
  for await (const page of jsonObjects(source)) {
    yield page.map(({ text, line }) => {
      try {
        return overridden(pinFromJSON(withDefaults(parseJson(text))), overrides)
      } catch (error) {
        if (!isClusterError(error)) throw error
        throw new ClusterError(error.code, `line ${line}: ${error.message}`, { cause: error })
      }
    })
  }
}

/** A dump may leave out the type and the depth: then a pin is an ordinary one, recursive unless its mode says direct. */
function withDefaults(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  const pin = json as Record<string, unknown>
  const type = has(pin, 'type') ? {} : { type: 'pin' }
  const isDirect = has(pin, 'mode') && Object.entries(pin).some(([key, value]) => isMode(key) && value === 'direct')
  const depth = has(pin, 'max_depth') ? {} : { max_depth: isDirect ? 0 : -1 }
  return { ...pin, ...type, ...depth }
}

const isMode = (key: string): boolean => key.toLowerCase() === 'mode'

/** Keys are found whatever their case. */
function has(pin: Readonly<Record<string, unknown>>, key: string): boolean {
  return Object.hasOwn(pin, key) || Object.keys(pin).some((other) => other.toLowerCase() === key)
}

function overridden(pin: Pin, { replicationMin, replicationMax, allocations }: PinOverrides): Pin {
  return {
    ...pin,
    replicationFactorMin: replicationMin > 0 ? replicationMin : pin.replicationFactorMin,
    replicationFactorMax: replicationMax > 0 ? replicationMax : pin.replicationFactorMax,
    allocations: allocations.length > 0 ? allocations : pin.allocations
  }
}
