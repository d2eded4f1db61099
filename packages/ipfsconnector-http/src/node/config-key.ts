import { ClusterError } from '@cluster/api'
import { z } from 'zod'
import type { TimedCalls, TimedOptions } from '../daemon/timed-calls.ts'

/**
 * A value of the daemon's configuration, at most two levels deep: `Datastore/StorageMax`.
 *
 * @throws {ClusterError} `NOT_FOUND` when there is no such key, `BAD_REQUEST` when it leads below a value
 * @see behaviours.md §5.9
 */
export async function configKey(key: string, calls: TimedCalls, options: TimedOptions): Promise<unknown> {
  const slash = key.indexOf('/')
  const keys = slash === -1 ? [key] : [key.slice(0, slash), key.slice(slash + 1)]
  let value: unknown = await calls.json('config/show', z.record(z.string(), z.unknown()), options)
  for (const name of keys) {
    if (typeof value !== 'object' || value === null) throw new ClusterError('BAD_REQUEST', 'invalid path')
    if (!Object.hasOwn(value, name)) throw new ClusterError('NOT_FOUND', 'key not found in configuration')
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
