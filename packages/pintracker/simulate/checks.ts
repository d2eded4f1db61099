import { isRemotePin, itemsOf, pinsetKey, TrackerStatus, trackerStatusToString, type TrackedPin } from '@cluster/api'
import { mustHold, testContext } from '@cluster/testing'
import { IPFSPinStatus } from '@cluster/api'
import { decodeRecord } from '../src/index-record.ts'
import type { World } from './world.ts'

const { self } = testContext()
const INDEX = '/ts'

/** A listing of everything, whatever goes on: in order, without repeats, with all that the pinset has. */
export async function checkListing(world: World): Promise<void> {
  const { process } = world
  if (process === undefined) return
  const infos = await listed(world, TrackerStatus.undefined)
  if (infos === undefined) return
  const keys = infos.map(({ cid }) => pinsetKey(cid))
  mustHold(
    keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key),
    'listings are in pinset order'
  )
  const found = new Set(keys)
  for (const key of world.pinset.pins.keys()) mustHold(found.has(key), 'listings have all of the pinset', () => key)
}

async function listed(world: World, filter: TrackerStatus): Promise<TrackedPin[] | undefined> {
  const { process } = world
  if (process === undefined) return undefined
  return await world.during(Array.fromAsync(itemsOf(process.tracker.statusAll(filter, {}))), () => undefined)
}

/** What is still to be done or failed, for people. */
export async function openOf(world: World): Promise<readonly string[]> {
  const infos = (await listed(world, TrackerStatus.undefined)) ?? []
  const isDone = ({ status, error }: TrackedPin): boolean => {
    return error === '' && (status === TrackerStatus.pinned || status === TrackerStatus.remote)
  }
  return infos
    .filter((info) => !isDone(info))
    .map(({ cid, status, error }) => {
      return `${pinsetKey(cid)}: ${trackerStatusToString(status)} ${error}`
    })
}

/** Whether the daemon holds what the pinset wants, and nothing else of it. */
export function differenceOf(world: World): string | undefined {
  const { held } = world.daemon
  for (const [key, pin] of world.pinset.pins) {
    const type = held.get(key)?.type
    if (isRemotePin(pin, self)) {
      if (type !== undefined) return `${key} is held, though others should`
    } else if (type !== IPFSPinStatus.recursive && (type === undefined || pin.maxDepth !== 0)) {
      return `${key} is not held to depth ${pin.maxDepth}`
    }
  }
  const foreign = new Set(world.foreign)
  for (const key of held.keys()) {
    if (!world.pinset.pins.has(key) && !foreign.has(key)) return `${key} is held, though nobody wants it`
  }
  return undefined
}

/** What the tracker says of everything, when all is well. */
export async function checkStatuses(world: World): Promise<void> {
  const { process } = world
  if (process === undefined) return
  const infos = (await listed(world, TrackerStatus.undefined)) ?? []
  const expected = [...world.pinset.pins.keys()].sort()
  mustHold(
    infos.map(({ cid }) => pinsetKey(cid)).join() === expected.join(),
    'what is listed is the pinset, when all is done'
  )
  for (const info of infos) {
    const pin = world.pinset.pins.get(pinsetKey(info.cid))
    const status = pin !== undefined && isRemotePin(pin, self) ? TrackerStatus.remote : TrackerStatus.pinned
    const says = (): string => `${pinsetKey(info.cid)}: ${trackerStatusToString(info.status)} ${info.error}`
    mustHold(info.status === status && info.error === '', 'statuses are right, when all is done', says)
    const one = await world.during(process.tracker.status(info.cid, {}))
    mustHold(one?.status === status, 'one status is that of the listing', says)
  }
  mustHold((await listed(world, TrackerStatus.error))?.length === 0, 'there are no errors, when all is done')
  // what a power cut left over goes when it is met
  mustHold((await listed(world, TrackerStatus.queued))?.length === 0, 'nothing is queued, when all is done')
  mustHold(process.tracker.pinQueueSize() === 0, 'nothing waits, when all is done')
}

/** What the index has on the disk: each record once, and once more where it is found by what it says. */
export function checkIndex(world: World): void {
  const places = new Map<string, string[]>()
  const records = new Map<string, ReturnType<typeof decodeRecord>>()
  for (const [text, value] of world.disk.entries) {
    const [, place = '', key = ''] = text.slice(INDEX.length).split('/')
    if (place === 'r') records.set(key, decodeRecord(value))
    else if (place !== 'a') places.set(key, [...(places.get(key) ?? []), place])
  }
  for (const [key, record] of records) {
    mustHold(record !== undefined, 'the index can be read', () => key)
    const isFailed = record.state === 'lost' || record.error !== ''
    const expected = record.state === 'pinned' ? '' : isFailed ? 'e' : 'o'
    const found = (places.get(key) ?? []).join()
    mustHold(found === expected, 'a record lies where it is looked for', () => `${key}: ${found}, not ${expected}`)
    places.delete(key)
  }
  mustHold(places.size === 0, 'nothing is looked for that is not there', () => [...places.keys()].join())
}
