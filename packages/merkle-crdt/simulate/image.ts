import { mustHold, type DiskChange, type SimulatedDisk } from '@cluster/testing'
import { bytesText, idOfCid, type ModelBlock } from './model-block.ts'
import { contentOf, reach, type ModelContent } from './model.ts'

/** The namespace of all stores of the simulation. */
export const NAMESPACE = '/c'

const [HEAD, PROCESSED, BLOCK] = [`${NAMESPACE}/h`, `${NAMESPACE}/b`, `${NAMESPACE}/b/blocks`]
const [ELEMENT, TOMBSTONE, VALUE] = [`${NAMESPACE}/s/s`, `${NAMESPACE}/s/t`, `${NAMESPACE}/s/k`]
const [FRONTIER, JOURNAL] = [`${NAMESPACE}/ts/w`, `${NAMESPACE}/ts/q`]
/** There while a snapshot is taken in; while blocks that it spared are missing. */
const [INTAKE, BACKFILL] = [`${NAMESPACE}/ts/s/state`, `${NAMESPACE}/ts/backfill`]

export const blockKey = (id: string): string => BLOCK + id
export const processedKey = (id: string): string => PROCESSED + id
export const valueKey = (key: string): string => `${VALUE}${key}/v`
/** Where the blocks of a store lie. */
export const blockPrefix = `${BLOCK}/`

/** What stands on a disk, sorted by its meaning. */
export interface Image {
  readonly blocks: Set<string>
  readonly processed: Set<string>
  /** With their heights. */
  readonly heads: Map<string, number>
  readonly elements: Set<string>
  readonly tombstones: Set<string>
  readonly values: Map<string, string>
  readonly priorities: Map<string, number>
  /** Blocks to be fetched, and the heads that they are reached from. */
  readonly frontier: Map<string, string>
  journal: number
  isDirty: boolean
  isTakingIn: boolean
  isBackfilling: boolean
}

/** What a commit changes, in short. */
export function describeWrite(changes: readonly DiskChange[]): string {
  const words: string[] = []
  const say = (name: string, prefix: string): void => {
    for (const { text, value } of changes) {
      if (text.startsWith(`${prefix}/`)) words.push(`${value === undefined ? '-' : '+'}${name} ${text.slice(-6)}`)
    }
  }
  say('block', BLOCK)
  say('head', HEAD)
  say('to fetch', FRONTIER)
  const marks = changes.filter(({ text }) => text.startsWith(`${PROCESSED}/`) && !text.startsWith(blockPrefix))
  if (marks.length > 0) words.push(`${marks.length} marks`)
  return `${changes.length} entries ${words.join(' ')}`
}

/** What a disk says about how far its store is, without reading all of it. */
export interface Rest {
  /** The heads, in one text. */
  readonly heads: string
  /** What is left to do; empty at rest. */
  readonly left: string
}

/** How far a store is, as its disk says. */
export function readRest(disk: SimulatedDisk['entries']): Rest {
  const below = (prefix: string): (readonly [string, Uint8Array])[] => disk.range(`${prefix}/`, `${prefix}0`, Infinity)
  const left: string[] = []
  const [frontier, journal] = [below(FRONTIER), below(JOURNAL)]
  if (frontier.length > 0) left.push(`has to fetch ${frontier.map(([text]) => text.slice(-6)).join(' ')}`)
  if (journal.length > 0) left.push(`${journal.length} operations in the journal`)
  if (disk.get(`${NAMESPACE}/d`) !== undefined) left.push('marked dirty')
  if (isTakingIn(disk)) left.push('taking in a snapshot')
  const heads = below(HEAD).map(([text]) => text.slice(-6))
  return { heads: heads.join(' '), left: left.join(', ') }
}

/** Whether a snapshot is being taken in. */
export function isTakingIn(disk: SimulatedDisk['entries']): boolean {
  return disk.get(INTAKE) !== undefined
}

/** The blocks that are marked as processed. */
export function* processedOn(disk: SimulatedDisk['entries']): Generator<string> {
  // what else lies there begins with small letters
  for (const [text] of disk.range(`${PROCESSED}/`, `${PROCESSED}/a`, Infinity)) yield text.slice(PROCESSED.length)
}

/** The keys of the blocks that are stored. */
export function blocksOn(disk: SimulatedDisk['entries']): string[] {
  return disk.range(blockPrefix, `${BLOCK}0`, Infinity).map(([text]) => text)
}

/** Whether something was acknowledged that waits for its block. */
export function hasJournal(disk: SimulatedDisk['entries']): boolean {
  return disk.range(`${JOURNAL}/`, `${JOURNAL}0`, 1).length > 0
}

/** How many keys have a value. */
export function countValues(disk: SimulatedDisk['entries']): number {
  return disk.range(`${VALUE}/`, `${VALUE}0`, Infinity).filter(([text]) => text.endsWith('/v')).length
}

/** Reads a disk. @see spec/wire-crdt.md §2.2 */
export function readImage(entries: Iterable<readonly [text: string, value: Uint8Array]>): Image {
  const image: Image = {
    blocks: new Set(),
    processed: new Set(),
    heads: new Map(),
    elements: new Set(),
    tombstones: new Set(),
    values: new Map(),
    priorities: new Map(),
    frontier: new Map(),
    journal: 0,
    isDirty: false,
    isTakingIn: false,
    isBackfilling: false
  }
  for (const [text, value] of entries) {
    if (text.startsWith(blockPrefix)) image.blocks.add(text.slice(BLOCK.length))
    else if (text.startsWith(`${PROCESSED}/`)) image.processed.add(text.slice(PROCESSED.length))
    else if (text.startsWith(`${HEAD}/`)) image.heads.set(text.slice(HEAD.length), uvarint(value))
    else if (text.startsWith(ELEMENT)) image.elements.add(text.slice(ELEMENT.length))
    else if (text.startsWith(TOMBSTONE)) image.tombstones.add(text.slice(TOMBSTONE.length))
    else if (text.startsWith(VALUE)) {
      const key = text.slice(VALUE.length, -2)
      if (text.endsWith('/v')) image.values.set(key, bytesText(value))
      else image.priorities.set(key, uvarint(value))
    } else if (text.startsWith(FRONTIER)) image.frontier.set(text.slice(FRONTIER.length), rootOf(value))
    else if (text.startsWith(JOURNAL)) image.journal += 1
    else if (text === `${NAMESPACE}/d`) image.isDirty = true
    else if (text === INTAKE) image.isTakingIn = true
    else if (text === BACKFILL) image.isBackfilling = true
  }
  return image
}

/**
 * What must hold for a disk after every commit, also for one that a crash left: the content is that of the blocks which
 * are marked as processed, and whatever they link to is here or known to be missing.
 */
export function checkImage(
  image: Image,
  known: ReadonlyMap<string, ModelBlock>,
  who: string
): ModelContent | undefined {
  if (image.isTakingIn) return undefined // only then the store is no store yet
  const { blocks, processed, heads, elements, tombstones, values, priorities } = image
  const merged: ModelBlock[] = []
  for (const id of processed) {
    const block = known.get(id)
    const isHere = blocks.has(id) || image.isBackfilling
    mustHold(block !== undefined && isHere, 'a processed block is stored', () => `${who}: ${id}`)
    merged.push(block)
  }
  const content = contentOf(merged)
  for (const [key, { priority, value }] of content.values) {
    const [stored, storedPriority] = [values.get(key), priorities.get(key)]
    mustHold(
      stored === value && storedPriority === priority + 1,
      'the values are those of the reference model',
      () => `${who}: ${key} is ${String(stored)} at ${String(storedPriority)}, not ${value} at ${priority + 1}`
    )
  }
  for (const key of values.keys()) {
    mustHold(content.values.has(key), 'removed keys have no value', () => `${who}: ${key} is ${values.get(key) ?? ''}`)
  }
  mustHold(values.size === priorities.size, 'each value has a priority', () => who)
  for (const place of content.live) {
    mustHold(elements.has(place), 'every addition that counts is stored', () => `${who}: ${place}`)
    mustHold(!tombstones.has(place), 'only what a block removes has a tombstone', () => `${who}: ${place}`)
  }
  for (const place of elements) {
    const isGood = content.live.has(place) || (content.removed.has(place) && tombstones.has(place))
    mustHold(isGood, 'only additions of processed blocks are stored', () => `${who}: ${place}`)
  }
  for (const place of tombstones) {
    mustHold(content.removed.has(place), 'only tombstones of processed blocks are stored', () => `${who}: ${place}`)
  }
  for (const place of content.removed) {
    // a collected tombstone is one whose block will never be merged again
    const isGood = tombstones.has(place) || processed.has(place.slice(place.lastIndexOf('/')))
    mustHold(isGood, 'no tombstone is forgotten', () => `${who}: ${place}`)
  }
  checkDag(image, known, content.heads, who)
  for (const [id, height] of heads) {
    const priority = known.get(id)?.priority
    mustHold(height === priority, 'a head has its height', () => `${who}: ${id} has ${height}, not ${String(priority)}`)
  }
  return content
}

function checkDag(
  { processed, heads, frontier }: Image,
  known: ReadonlyMap<string, ModelBlock>,
  tips: ReadonlySet<string>,
  who: string
): void {
  for (const id of processed) {
    for (const link of known.get(id)?.links ?? []) {
      mustHold(
        processed.has(link) || frontier.has(link),
        'what a processed block links to is here or will be fetched',
        () => `${who}: ${id} links to ${link}`
      )
    }
  }
  const isLoose = (id: string): boolean => !heads.has(id)
  if (![...tips].some(isLoose)) return
  const covered = reach([...heads.keys(), ...frontier.keys(), ...frontier.values()], known)
  for (const id of tips) {
    mustHold(covered.has(id), 'no processed block is out of reach of the heads', () => `${who}: ${id}`)
  }
}

/** What must hold when everything is merged: nothing is left to do, and the heads are the tips of the DAG. */
export function checkRest(image: Image, known: ReadonlyMap<string, ModelBlock>, who: string): void {
  const tips = checkImage(image, known, who)?.heads ?? new Set()
  const { heads, processed, blocks, frontier, journal, isDirty } = image
  mustHold(frontier.size === 0, 'at rest nothing is left to fetch', () => `${who}: ${[...frontier.keys()].join(' ')}`)
  mustHold(journal === 0, 'at rest nothing waits in the journal', () => `${who}: ${journal} operations`)
  mustHold(!isDirty, 'at rest the store is clean', () => who)
  mustHold(!image.isTakingIn, 'at rest no snapshot is taken in', () => who)
  mustHold(
    blocks.isSubsetOf(processed),
    'at rest all blocks are processed',
    () => `${who}: not ${[...blocks.difference(processed)].join(' ')}`
  )
  mustHold(
    heads.size === tips.size && [...tips].every((id) => heads.has(id)),
    'the heads are the maximal nodes of the DAG',
    () => `${who}: heads ${[...heads.keys()].join(' ')}, tips ${[...tips].join(' ')}`
  )
}

function rootOf(value: Uint8Array): string {
  return idOfCid(value.subarray(0, 36))
}

function uvarint(bytes: Uint8Array): number {
  let value = 0
  let factor = 1
  for (const byte of bytes) {
    value += (byte % 128) * factor
    factor *= 128
  }
  return value
}
