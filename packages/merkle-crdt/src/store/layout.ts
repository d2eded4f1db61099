import { posix } from 'node:path'
import { Key } from 'interface-datastore'
import type { BlockId } from '../wire/block-id.ts'

/** A key that needs no cleaning. */
const CLEAN = /^(?:\/[^/.][^/]*)+$/

/** A key as the datastore of the Go peer cleans it: a slash first, none last, none doubled, no dots. */
export function cleanKey(text: string): string {
  if (CLEAN.test(text)) return text
  const cleaned = posix.normalize(`/${text}`)
  return cleaned.length > 1 && cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned
}

/** A range of keys, as `scan` of the datastore takes it. */
export interface KeyRange {
  gte: Key
  lt: Key
}

/**
 * Where everything lies in the datastore. What lies below `ts` is ours alone; the rest is shared with the Go peer.
 *
 * @see spec/wire-crdt.md §2.2
 */
export class Layout {
  readonly #prefix: string

  /** @param namespace - such as `/c` */
  constructor(namespace: string) {
    const cleaned = cleanKey(namespace)
    this.#prefix = cleaned === '/' ? '' : cleaned
  }

  /** Everything of the store, blocks included. */
  all(): KeyRange {
    return this.#below(this.#prefix)
  }
  version(): Key {
    return this.#key('/crdt_version')
  }
  dirty(): Key {
    return this.#key('/d')
  }
  /** Present while the store is open. The Go peer after 0.6.8 writes it empty, this one as `01`. */
  badShutdown(): Key {
    return this.#key('/bs')
  }
  head(id: BlockId): Key {
    return this.#key(`/h${id}`)
  }
  heads(): KeyRange {
    return this.#below(`${this.#prefix}/h`)
  }
  processed(id: BlockId): Key {
    return this.#key(`/b${id}`)
  }
  block(id: BlockId): Key {
    return this.#key(`/b/blocks${id}`)
  }
  element(key: string, id: BlockId): Key {
    return this.#key(join('/s/s', key) + id)
  }
  /** The elements of a key, and of longer keys that start with it. */
  elements(key: string): KeyRange {
    return this.#below(join(`${this.#prefix}/s/s`, key))
  }
  tombstone(key: string, id: BlockId): Key {
    return this.#key(join('/s/t', key) + id)
  }
  tombstones(): KeyRange {
    return this.#below(`${this.#prefix}/s/t`)
  }
  value(key: string): Key {
    return this.#key(`${join('/s/k', key)}/v`)
  }
  priority(key: string): Key {
    return this.#key(`${join('/s/k', key)}/p`)
  }
  /** Values of all keys, or of those from `gte` on and below `lt`. */
  values(gte?: string, lt?: string): KeyRange {
    const range = this.#below(`${this.#prefix}/s/k`)
    if (gte !== undefined) range.gte = this.#key(join('/s/k', cleanKey(gte)))
    if (lt !== undefined) range.lt = this.#key(join('/s/k', cleanKey(lt)))
    return range
  }
  /** A block that a walk still has to fetch. @see spec/wire-crdt.md §7.3 P6 */
  frontier(id: BlockId): Key {
    return this.#key(`/ts/w${id}`)
  }
  frontiers(): KeyRange {
    return this.#below(`${this.#prefix}/ts/w`)
  }
  /** An operation that was acknowledged and waits for its batch. */
  journal(sequence: number): Key {
    return this.#key(`/ts/q/${sequence.toString(16).padStart(14, '0')}`)
  }
  journals(): KeyRange {
    return this.#below(`${this.#prefix}/ts/q`)
  }

  /** A processed block in the index by height: 16 hexadecimal digits, so that the order of keys is that of heights. */
  indexed(height: bigint, id: BlockId): Key {
    return this.#key(`/ts/i/${hexHeight(height)}${id}`)
  }
  /** The index from one height up to and without another, or up to the end. */
  index(from: bigint, to?: bigint): KeyRange {
    const range = this.#below(`${this.#prefix}/ts/i`)
    range.gte = this.#key(`/ts/i/${hexHeight(from)}`)
    if (to !== undefined) range.lt = this.#key(`/ts/i/${hexHeight(to)}`)
    return range
  }
  /** Height and block ID of a key of the index. */
  indexEntry(key: Key): { height: bigint; id: BlockId } {
    const [hex = '', ...id] = key.toString().slice(`${this.#prefix}/ts/i/`.length).split('/')
    return { height: BigInt(`0x${hex}`), id: `/${id.join('/')}` }
  }
  /** Present once every processed block is in the index. */
  isIndexed(): Key {
    return this.#key('/ts/indexed')
  }
  /** The marks of processed blocks; what else lies below `b` begins with small letters, which come after. */
  allProcessed(): KeyRange {
    return { gte: this.#key('/b/'), lt: this.#key('/b/a') }
  }
  /** Elements of all keys. */
  allElements(): KeyRange {
    return this.#below(`${this.#prefix}/s/s`)
  }
  /** Elements from a cursor on, that one included; all for an empty one. */
  elementsBehind(cursor: string): KeyRange {
    const range = this.allElements()
    if (cursor !== '') range.gte = this.#key(`/s/s${cursor}`)
    return range
  }
  /** The key of an element without what all have in common. */
  cursorOf(key: Key): string {
    return key.toString().slice(this.#prefix.length + '/s/s'.length)
  }
  /** The user key and block ID of the key of an element. */
  elementEntry(key: Key): { key: string; id: BlockId } {
    const text = key.toString()
    const at = text.lastIndexOf('/')
    return { key: text.slice(this.#prefix.length + '/s/s'.length, at), id: text.slice(at) }
  }
  /** Everything about a snapshot that is being taken in. */
  snapshot(name: string): Key {
    return this.#key(`/ts/s/${name}`)
  }
  snapshots(): KeyRange {
    return this.#below(`${this.#prefix}/ts/s`)
  }
  /** Present while old blocks are missing, because the store began with a snapshot; its value is where to go on. */
  backfill(): Key {
    return this.#key('/ts/backfill')
  }
  /** Where values lie: everything that a snapshot writes but for marks and heads. */
  sets(): KeyRange {
    return this.#below(`${this.#prefix}/s`)
  }

  /** The namespace in which new content is gathered before it replaces the old. */
  stage(): string {
    return `${this.#prefix}/ts/import`
  }
  /** Present while the content is replaced by what is staged. */
  replacing(): Key {
    return this.#key('/ts/replacing')
  }
  /** Everything that is staged. */
  staged(): KeyRange {
    return this.#below(this.stage())
  }
  /** Where a staged entry belongs. */
  unstaged(key: Key): Key {
    return this.#key(key.toString().slice(this.stage().length))
  }
  /** Whether a key is staged content, or the mark that it is due. */
  isStaging(key: Key): boolean {
    const text = key.toString()
    return text.startsWith(`${this.stage()}/`) || text === this.replacing().toString()
  }

  /** The block ID at the end of a key. */
  lastSegment(key: Key): string {
    const text = key.toString()
    return text.slice(text.lastIndexOf('/'))
  }
  /** The user key of a `/v` key, or `undefined` for any other. */
  userKeyOfValue(key: Key): string | undefined {
    const text = key.toString()
    return text.endsWith('/v') ? text.slice(this.#prefix.length + '/s/k'.length, -'/v'.length) : undefined
  }
  /** The user key of a tombstone. */
  userKeyOfTombstone(key: Key): string {
    const text = key.toString()
    return text.slice(this.#prefix.length + '/s/t'.length, text.lastIndexOf('/'))
  }

  #key(text: string): Key {
    return new TextKey(this.#prefix + text)
  }
  /** '0' is the character after '/'. */
  #below(path: string): KeyRange {
    return { gte: new Key(`${path}/`, false), lt: new Key(`${path}0`, false) }
  }
}

/** A key that knows its text: it is asked for far more often than made. */
class TextKey extends Key {
  readonly #text: string

  constructor(text: string) {
    super(text, false)
    this.#text = text.isWellFormed() ? text : super.toString()
  }

  override toString(...[encoding]: Parameters<Key['toString']>): string {
    return encoding === undefined || encoding === 'utf8' ? this.#text : super.toString(encoding)
  }
}

function hexHeight(height: bigint): string {
  return height.toString(16).padStart(16, '0')
}

function join(path: string, key: string): string {
  return key === '/' ? path : path + key
}
