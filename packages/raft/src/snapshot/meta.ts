import type { Configuration, Suffrage } from '../configuration.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { encodeVoterAddresses } from '../wire/configuration.ts'

/** What `meta.json` says. @see wire-raft.md §3.10 */
export interface SnapshotMeta {
  readonly snapshot: Snapshot
  /** CRC-64 of the data; undefined while it is being written. */
  readonly crc: Uint8Array | undefined
}

/** The line of `meta.json`, in Go's order of keys. */
export function encodeMeta({ snapshot, crc }: SnapshotMeta): string {
  const { id, index, term, configuration, configurationIndex, size } = snapshot
  const servers = configuration.servers.map((one) => ({ Suffrage: one.suffrage, ID: one.id, Address: one.address }))
  const meta = {
    Version: 1,
    ID: id,
    Index: index,
    Term: term,
    Peers: Buffer.from(encodeVoterAddresses(configuration)).toString('base64'),
    Configuration: { Servers: servers },
    ConfigurationIndex: configurationIndex,
    Size: size,
    CRC: crc === undefined ? null : Buffer.from(crc).toString('base64')
  }
  return `${JSON.stringify(meta)}\n`
}

/** Reads `meta.json`; undefined if it is not one of a version that is known. */
export function decodeMeta(text: string): SnapshotMeta | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value) || (value['Version'] !== 0 && value['Version'] !== 1)) return undefined
  const { ID: id, Index: index, Term: term, ConfigurationIndex: configurationIndex, Size: size, CRC: crc } = value
  const configuration = configurationOf(value['Configuration'])
  if (typeof id !== 'string' || configuration === undefined) return undefined
  if (!isCount(index) || !isCount(term) || !isCount(configurationIndex) || !isCount(size)) return undefined
  const sum = typeof crc === 'string' ? new Uint8Array(Buffer.from(crc, 'base64')) : undefined
  return { snapshot: { id, index, term, configuration, configurationIndex, size }, crc: sum }
}

function configurationOf(value: unknown): Configuration | undefined {
  if (!isRecord(value) || !Array.isArray(value['Servers'])) return undefined
  const servers = []
  for (const server of value['Servers'] as readonly unknown[]) {
    if (!isRecord(server)) return undefined
    const { Suffrage: suffrage, ID: id, Address: address } = server
    if (typeof id !== 'string' || typeof address !== 'string' || !isSuffrage(suffrage)) return undefined
    servers.push({ id, address, suffrage })
  }
  return { servers }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isSuffrage(value: unknown): value is Suffrage {
  return value === 0 || value === 1 || value === 2
}
