import { isPeerId, type PeerId } from '@libp2p/interface'
import { isMultiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import { PinMode } from './pin-mode.ts'
import { DEFAULT_SHARD_SIZE } from './shard-size.ts'

const MAX_UINT64 = 2n ** 64n - 1n
/** A field that may be absent, and whose key is there all the same once parsed. */
const maybe = <S extends z.ZodType>(schema: S) => schema.optional().transform((value) => value)

/** A CID, of this copy of multiformats or another. */
export const cidSchema = z.custom<CID>((value) => CID.asCID(value) !== null, 'expected a CID')
/** A peer ID. */
export const peerIdSchema = z.custom<PeerId>((value) => isPeerId(value), 'expected a peer ID')
/** A multiaddress. */
export const multiaddrSchema = z.custom<Multiaddr>((value) => isMultiaddr(value), 'expected a multiaddress')
/** Nanoseconds since the Unix epoch. */
export const timestampSchema = z.bigint()
/** A number of copies: −1 for every peer, 0 for the configured default. */
export const replicationFactorSchema = z.int().min(-1)

/**
 * What a caller may say about a pin; what is left out gets its default.
 *
 * @see wire-host-rpc.md §4.4
 */
export const pinOptionsSchema = z.object({
  replicationFactorMin: replicationFactorSchema
    .default(0)
    .describe('Fewest copies; −1 on both factors means every peer, 0 the configured default.'),
  replicationFactorMax: replicationFactorSchema.default(0).describe('Most copies.'),
  name: z.string().default('').describe('For people.'),
  mode: z
    .literal([PinMode.recursive, PinMode.direct])
    .default(PinMode.recursive)
    .describe('The whole DAG below the CID, or the one block.'),
  shardSize: z.bigint().min(0n).max(MAX_UINT64).default(0n).describe('Bytes; 0 for pins that are no shards.'),
  userAllocations: maybe(z.array(peerIdSchema).readonly()).describe('Peers to prefer.'),
  expireAt: maybe(timestampSchema).describe('When the cluster removes the pin.'),
  metadata: maybe(z.map(z.string(), z.string()).readonly()).describe('Anything else to say about the pin.'),
  pinUpdate: maybe(cidSchema).describe('The CID whose pin this one follows up.'),
  origins: maybe(z.array(multiaddrSchema).readonly()).describe('Addresses of IPFS nodes known to have the content.')
})

/**
 * How content is added; what is left out gets its default.
 *
 * @see wire-host-rpc.md §4.5
 */
export const addParamsSchema = pinOptionsSchema.extend({
  shardSize: z.bigint().min(0n).max(MAX_UINT64).default(DEFAULT_SHARD_SIZE).describe('Bytes of a shard.'),
  local: z.boolean().default(false).describe('Store blocks at the receiving peer only; pin as usual.'),
  recursive: z.boolean().default(false).describe('Take folders with what is in them.'),
  hidden: z.boolean().default(false).describe('Take files whose name begins with a dot.'),
  wrapWithDirectory: z.boolean().default(false).describe('Put everything into one directory.'),
  shard: z.boolean().default(false).describe('Spread the blocks over the cluster in shards.'),
  progress: z.boolean().default(false).describe('Tell how many bytes were read.'),
  streamChannels: z.boolean().default(true).describe('Answer with events as they happen instead of one list.'),
  noPin: z.boolean().default(false).describe('Store blocks without pinning them.'),
  format: z.literal(['unixfs', 'car']).default('unixfs').describe('What is uploaded: files, or a CAR archive.'),
  layout: z.literal(['balanced', 'trickle']).default('balanced').describe('Shape of the DAG of a file.'),
  chunker: z
    .string()
    .default('size-262144')
    .describe('`size-<bytes>`, `rabin`, `rabin-<avg>`, `rabin-<min>-<avg>-<max>` or `buzhash`.'),
  rawLeaves: z.boolean().default(false).describe('Leaves without a UnixFS wrapper.'),
  hash: z.string().default('sha2-256').describe('Name of the hash function, lower case.'),
  cidVersion: z.int().default(0).describe('0 or 1; 1 turns raw leaves on unless they were chosen.'),
  noCopy: z.boolean().default(false).describe('Refer to files where they lie instead of copying them.')
})
