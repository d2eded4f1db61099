import type { AddedOutput, AddParams } from '@cluster/api'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import { pinOptionsOf, type PinFlags } from './pin-arguments.ts'

/** The flags of `add` that go to the peer. */
export interface AddParamsFlags extends PinFlags {
  readonly recursive?: boolean | undefined
  readonly local?: boolean | undefined
  readonly pin: boolean
  readonly wrapWithDirectory?: boolean | undefined
  readonly shard?: boolean | undefined
  readonly shardSize?: number | undefined
  readonly format: string
  readonly layout: string
  readonly hidden?: boolean | undefined
  readonly chunker: string
  readonly rawLeaves?: boolean | undefined
  readonly cidVersion: number
  readonly hash: string
  readonly nocopy?: boolean | undefined
}

/**
 * What the flags ask for. Names of layouts, formats, chunkers and hash functions are judged by the peer, which may know
 * more of them.
 *
 * @see cli-config.md §1.7
 */
export function addParamsOf(flags: AddParamsFlags, paths: number): Partial<AddParams> {
  const { allocations, ...others } = flags
  const cidVersion = flags.hash === 'sha2-256' ? flags.cidVersion : Math.max(1, flags.cidVersion)
  return {
    ...pinOptionsOf(others, Date.now()),
    userAllocations: peersOf(allocations ?? ''),
    local: flags.local === true,
    recursive: flags.recursive === true,
    hidden: flags.hidden === true,
    // Several things need something that holds them.
    wrapWithDirectory: flags.wrapWithDirectory === true || paths > 1,
    shard: flags.shard === true,
    ...(flags.shardSize === undefined ? {} : { shardSize: BigInt(flags.shardSize) }),
    noPin: !flags.pin,
    chunker: flags.chunker,
    rawLeaves: flags.rawLeaves === true || cidVersion > 0 || flags.nocopy === true,
    cidVersion,
    hash: flags.hash,
    layout: flags.layout as AddParams['layout'],
    format: flags.format as AddParams['format'],
    noCopy: flags.nocopy === true
  }
}

/** What is no peer ID is left out, as ever. */
function peersOf(list: string): readonly PeerId[] | undefined {
  const peers = list.split(',').flatMap((id) => {
    try {
      return [peerIdFromString(id)]
    } catch {
      return []
    }
  })
  return peers.length === 0 ? undefined : peers
}

const DAG_CBOR = 0x71

/** Which part of a sharded add an event is about; `content` when it is about a file or folder. */
export function partOf({ name, cid }: AddedOutput, params: Partial<AddParams>): 'content' | 'shard' | 'list' {
  // Content may have such a name, but is not of this codec.
  if (params.shard !== true || cid?.code !== DAG_CBOR) return 'content'
  if (name === `${params.name ?? ''}-clusterDAG`) return 'list'
  return /^shard-\d+$/.test(name) ? 'shard' : 'content'
}
