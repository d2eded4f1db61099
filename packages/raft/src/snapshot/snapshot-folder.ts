import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Snapshot } from '../core/snapshot.ts'
import { RaftError } from '../errors.ts'
import type { SnapshotStore } from '../ports.ts'
import { Crc64 } from './crc64.ts'
import { decodeMeta, encodeMeta, type SnapshotMeta } from './meta.ts'

/** Go keeps five. */
const DEFAULT_RETAINED = 5
const BLOCK = 256 * 1024
/** Terabytes are no snapshot. */
const DEFAULT_MAX_BYTES = 64 * 1024 ** 3
const TEMPORARY = '.tmp'

/** How a {@link SnapshotFolder} works. */
export interface SnapshotFolderOptions {
  /** Snapshots that are kept; default 5. */
  readonly retained?: number
  /** Bytes that one may have; default 64 GiB. */
  readonly maxBytes?: number
  /** Milliseconds since 1970, for the names. */
  readonly nowMs?: () => number
}

/**
 * Snapshots in the layout of hashicorp/raft: tools of the Go peer read them.
 *
 * @see wire-raft.md §3.10
 */
export class SnapshotFolder implements SnapshotStore {
  readonly #path: string
  readonly #retained: number
  readonly #maxBytes: number
  readonly #nowMs: () => number

  /** @param path - the folder `snapshots`, made when it is needed */
  constructor(path: string, options: SnapshotFolderOptions = {}) {
    this.#path = path
    this.#retained = options.retained ?? DEFAULT_RETAINED
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#nowMs = options.nowMs ?? Date.now
  }

  async list(): Promise<readonly Snapshot[]> {
    return (await this.#metas()).map(({ snapshot }) => snapshot)
  }

  async *open({ id }: Snapshot, { signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Uint8Array> {
    const meta = await this.#meta(id)
    if (meta?.crc === undefined) throw new RaftError('RAFT_CORRUPT', `${id}: meta.json cannot be read`)
    const crc = new Crc64()
    const file = await open(join(this.#path, id, 'state.bin'), 'r')
    let size = 0
    try {
      for (;;) {
        signal?.throwIfAborted()
        const { buffer, bytesRead } = await file.read(new Uint8Array(BLOCK), 0, BLOCK, size)
        if (bytesRead === 0) break
        size += bytesRead
        const bytes = buffer.subarray(0, bytesRead)
        crc.update(bytes)
        yield bytes
      }
    } finally {
      await file.close()
    }
    if (size !== meta.snapshot.size || Buffer.compare(crc.digest(), meta.crc) !== 0) {
      throw new RaftError('RAFT_CORRUPT', `${id}: CRC mismatch`)
    }
  }

  async write(
    of: Omit<Snapshot, 'id' | 'size'>,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { signal, size: expected }: { readonly signal?: AbortSignal; readonly size?: number } = {}
  ): Promise<Snapshot> {
    await mkdir(this.#path, { recursive: true, mode: 0o755 })
    const id = await this.#name(of)
    const temporary = join(this.#path, `${id}${TEMPORARY}`)
    await mkdir(temporary, { mode: 0o755 })
    try {
      const empty: Snapshot = { ...of, id, size: 0 }
      await writeSynced(join(temporary, 'meta.json'), encodeMeta({ snapshot: empty, crc: undefined }))
      const { size, crc } = await this.#writeData(join(temporary, 'state.bin'), data, signal)
      if (expected !== undefined && size !== expected) {
        throw new RaftError('RAFT_BAD_MESSAGE', `${size} of ${expected} bytes of a snapshot came`)
      }
      const snapshot: Snapshot = { ...of, id, size }
      await writeSynced(join(temporary, 'meta.json'), encodeMeta({ snapshot, crc }))
      await syncFolder(temporary)
      await rename(temporary, join(this.#path, id))
      await syncFolder(this.#path)
      await this.#prune()
      return snapshot
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
  }

  async #writeData(
    path: string,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    signal: AbortSignal | undefined
  ): Promise<{ size: number; crc: Uint8Array }> {
    const crc = new Crc64()
    const file = await open(path, 'w', 0o600)
    let size = 0
    try {
      for await (const bytes of data) {
        signal?.throwIfAborted()
        size += bytes.length
        if (size > this.#maxBytes)
          throw new RaftError('RAFT_TOO_LARGE', `a snapshot of more than ${this.#maxBytes} bytes`)
        crc.update(bytes)
        await writeAll(file, bytes)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    return { size, crc: crc.digest() }
  }

  /** A name that is free: `<term>-<index>-<milliseconds>`. */
  async #name({ term, index }: Pick<Snapshot, 'term' | 'index'>): Promise<string> {
    const names = new Set(await readdir(this.#path))
    for (let ms = this.#nowMs(); ; ms++) {
      const id = `${term}-${index}-${ms}`
      if (!names.has(id) && !names.has(`${id}${TEMPORARY}`)) return id
    }
  }

  async #prune(): Promise<void> {
    for (const { snapshot } of (await this.#metas()).slice(this.#retained)) {
      await rm(join(this.#path, snapshot.id), { recursive: true, force: true })
    }
  }

  async #metas(): Promise<SnapshotMeta[]> {
    let names: string[]
    try {
      names = await readdir(this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    const metas: SnapshotMeta[] = []
    for (const name of names) {
      const meta = name.endsWith(TEMPORARY) ? undefined : await this.#meta(name)
      if (meta !== undefined) metas.push(meta)
    }
    return metas.sort(
      ({ snapshot: a }, { snapshot: b }) => b.term - a.term || b.index - a.index || (a.id < b.id ? 1 : -1)
    )
  }

  async #meta(name: string): Promise<SnapshotMeta | undefined> {
    try {
      const meta = decodeMeta(await readFile(join(this.#path, name, 'meta.json'), 'utf8'))
      // the folder is its name, whatever the file says
      return meta && { ...meta, snapshot: { ...meta.snapshot, id: name } }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw error
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
