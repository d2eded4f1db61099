import { base32upper } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as digest from 'multiformats/hashes/digest'
import type { MultihashDigest } from 'multiformats/hashes/interface'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from './durable-file.ts'

const extension = '.data'
const prefixLength = 2

/** One block file, as found on disk. */
export interface BlockFile {
  /** Name within its folder, also the key of the block in maps. */
  readonly key: string
  readonly multihash: MultihashDigest
}

/**
 * Names of block files as `blockstore-fs` writes them: base32 of the multihash, in folders by its last two characters.
 * (Its own listing ends at the first name that is no CIDv0, and its reads report every failure as "not found".)
 */
export class BlockFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** The key of a block: its multihash as text. CIDs that differ in version or codec share the block. */
  keyOf(multihash: MultihashDigest): string {
    return base32upper.encode(multihash.bytes)
  }

  shardOf(key: string): string {
    return key.slice(-prefixLength)
  }

  fileOf(key: string): string {
    return join(this.path, this.shardOf(key), key + extension)
  }

  /** Names of the folders that hold blocks; there are at most 1024. */
  async shards(): Promise<readonly string[]> {
    const found: string[] = []
    for await (const entry of await opendir(this.path)) {
      if (entry.isDirectory() && entry.name.length === prefixLength) found.push(entry.name)
    }
    return found.sort()
  }

  /** Block files of one folder; other files are handed to `other` by their path. */
  async *files(shard: string, other?: (path: string) => Promise<void>): AsyncGenerator<BlockFile> {
    const folder = join(this.path, shard)
    let entries
    try {
      entries = await opendir(folder)
    } catch (error) {
      if (isMissing(error)) return
      throw error
    }
    for await (const entry of entries) {
      const multihash = parseName(entry.name)
      if (multihash !== undefined) yield { key: entry.name.slice(0, -extension.length), multihash }
      else await other?.(join(folder, entry.name))
    }
  }

  /** Size and time of change of a block file, `undefined` when it does not exist. */
  async stat(key: string): Promise<{ sizeBytes: number; changedMs: number } | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.fileOf(key))
      return { sizeBytes: size, changedMs: mtimeMs }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
}

/** The CID under which a stored block is reported when only its multihash is known, as Kubo does: v1, raw. */
export function cidOfStored(multihash: MultihashDigest): CID {
  return CID.createV1(raw.code, multihash)
}

function parseName(name: string): MultihashDigest | undefined {
  if (!name.endsWith(extension)) return undefined
  try {
    return digest.decode(base32upper.decode(name.slice(0, -extension.length)))
  } catch {
    return undefined
  }
}
