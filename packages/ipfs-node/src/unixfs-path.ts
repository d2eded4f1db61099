import type { AbortOptions } from '@libp2p/interface'
import { type ReadableStorage, walkPath } from 'ipfs-unixfs-exporter'
import type { CID } from 'multiformats/cid'
import { IpfsNodeError } from './errors.ts'

/** Most segments that a path may have. */
const maxPathSegments = 256

/** How a block is read: from disk, or from disk and then the network. */
export type GetBlock = (cid: CID, options: AbortOptions) => Promise<Uint8Array>

/** A `get` as the exporter wants it. */
export function readableStorage(get: GetBlock): ReadableStorage {
  return {
    async *get(cid: CID, options?: AbortOptions) {
      yield await get(cid, options?.signal === undefined ? {} : { signal: options.signal })
    }
  }
}

/**
 * Follows names from a root through UnixFS directories (plain and HAMT) and links of dag-cbor and dag-json.
 *
 * @throws IpfsNodeError `NO_LINK` when a name is not there or what it names is inside a block, `BAD_PATH` for too long
 * a path or a name with a slash, `BAD_BLOCK`, `UNKNOWN_CODEC`; and what `get` throws
 */
export async function resolvePath(
  root: CID,
  names: readonly string[],
  get: GetBlock,
  options: AbortOptions = {}
): Promise<CID> {
  if (names.length > maxPathSegments)
    throw new IpfsNodeError('BAD_PATH', `path has more than ${maxPathSegments} segments`)
  const storage = readableStorage(get)
  let cid = root
  for (const name of names) cid = await step(cid, name, storage, options)
  return cid
}

async function step(cid: CID, name: string, storage: ReadableStorage, options: AbortOptions): Promise<CID> {
  if (name === '' || name.includes('/')) throw new IpfsNodeError('BAD_PATH', `bad name in path: "${name}"`)
  const missing = (cause?: unknown): IpfsNodeError =>
    new IpfsNodeError('NO_LINK', `no link named "${name}" under ${cid.toString()}`, { cause })
  let found: CID | undefined
  try {
    // one name at a time: the library reports a path that ends inside a file as found
    for await (const entry of walkPath(`${cid.toString()}/${name}`, storage, options)) {
      if (entry.remainder.length === 0 && entry.name === name) found = entry.cid
    }
  } catch (error) {
    throw translate(error, missing)
  }
  if (found === undefined) throw missing()
  return found
}

/** Errors of the exporter in the words of this package. */
function translate(error: unknown, missing: (cause: unknown) => IpfsNodeError): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  // "not UnixFS" is what it says of files: there is no name below them
  if (error.code === 'ERR_NOT_FOUND' || error.code === 'ERR_NOT_UNIXFS') return missing(error)
  if (error.code === 'ERR_NO_RESOLVER') return new IpfsNodeError('UNKNOWN_CODEC', error.message, { cause: error })
  return error
}
