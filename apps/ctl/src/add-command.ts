import { TrackerStatus, type AddedOutput } from '@cluster/api'
import { ApiError, type ClusterClient } from '@cluster/client'
import { checkPaths, FileEntriesError, fileEntries, totalFileBytes } from '@cluster/client/files'
import { addedOutputToJSON } from '@cluster/wire'
import type { CID } from 'multiformats/cid'
import { addParamsOf, partOf, type AddParamsFlags } from './add-params.ts'
import { exitCodes, Failure } from './failure.ts'
import { indentJson } from './indent-json.ts'
import type { Output } from './output.ts'
import { ProgressBar } from './progress-bar.ts'
import { waitForStatus } from './wait.ts'

/** The flags of `add`. */
export interface AddFlags extends AddParamsFlags {
  readonly quiet?: boolean | undefined
  readonly quieter?: boolean | undefined
  readonly stream: boolean
  readonly wait?: boolean | undefined
  readonly waitTimeout?: string | undefined
}

/** What came of an add. */
interface Added {
  readonly last: CID | undefined
  readonly shards: readonly CID[]
}

/**
 * `ipfs-cluster-ctl add`. On a terminal it shows how far it is; Ctrl-C gives the add up.
 *
 * @see cli-config.md §1.7
 */
export async function add(
  client: ClusterClient,
  output: Output,
  paths: readonly string[],
  flags: AddFlags
): Promise<void> {
  if (paths.length === 0) throw new Failure('', 'need at least one path')
  if (flags.format === 'car' && (flags.wrapWithDirectory === true || paths.length > 1)) {
    throw new Failure('', 'only a single CAR file can be added and wrap-with-directory is not supported')
  }
  const cancel = new AbortController()
  const onInterrupt = (): void => {
    cancel.abort()
  }
  // Once: the second time ends the program at once.
  process.once('SIGINT', onInterrupt)
  let added: Added
  try {
    added = await upload(client, output, paths, flags, cancel.signal)
  } catch (error) {
    if (cancel.signal.aborted) throw new Failure('adding', 'context canceled', exitCodes.cancelled)
    // The peer was asked already: this is its answer, as it were.
    if (error instanceof FileEntriesError && error.code === 'URL_FAILED') {
      throw new ApiError('UNREACHABLE', 0, error.message, { cause: error })
    }
    throw error
  } finally {
    process.off('SIGINT', onInterrupt)
  }
  if (flags.wait === true) await waitUntilPinned(client, added, flags)
}

async function upload(
  client: ClusterClient,
  output: Output,
  paths: readonly string[],
  flags: AddFlags,
  signal: AbortSignal
): Promise<Added> {
  const params = addParamsOf(flags, paths.length)
  const reading = {
    recursive: flags.recursive === true,
    hidden: flags.hidden === true,
    noCopy: flags.nocopy === true,
    signal
  }
  await checkPaths(paths, reading)
  const isQuiet = flags.quiet === true || flags.quieter === true
  const bar = ProgressBar.on(process.stderr, isQuiet)
  // Counting goes on beside the upload: a large folder need not wait for it.
  if (bar !== undefined) {
    totalFileBytes(paths, reading).then(
      (total) => {
        bar.total = total
      },
      () => undefined
    )
  }
  const print = (item: AddedOutput): void => {
    bar?.clear()
    output.print(item, (event) => lineOf(event, isQuiet), addedOutputToJSON)
  }
  const kept: AddedOutput[] = []
  const shards: CID[] = []
  let last: AddedOutput | undefined
  try {
    const onUpload = bar === undefined ? {} : { onUpload: bar.show.bind(bar) }
    for await (const item of client.add(fileEntries(paths, reading), params, { signal, ...onUpload })) {
      if (item.cid === undefined) continue
      const part = partOf(item, params)
      if (part === 'content') last = item
      if (part === 'shard') shards.push(item.cid)
      if (flags.quieter === true) continue
      if (flags.stream) print(item)
      else kept.push(item)
    }
  } finally {
    bar?.clear()
  }
  if (flags.quieter === true) {
    if (last !== undefined) print(last)
  } else if (!flags.stream) {
    printAll(output, kept, isQuiet)
  }
  return { last: last?.cid, shards }
}

/** Sharded content is pinned when all shards are: its root says only where they are listed. */
async function waitUntilPinned(client: ClusterClient, { last, shards }: Added, flags: AddFlags): Promise<void> {
  if (last === undefined) return
  for (const cid of shards.length > 0 ? shards : [last]) {
    const limit = await client.allocation(cid).then(
      ({ replicationFactorMin }) => replicationFactorMin,
      () => flags.replicationMin ?? 0
    )
    await waitForStatus(client, cid, TrackerStatus.pinned, limit, flags.waitTimeout)
  }
}

function lineOf({ cid, name }: AddedOutput, isQuiet: boolean): string {
  const text = cid?.toString() ?? ''
  return isQuiet ? `${text}\n` : `added ${text} ${name}\n`
}

function printAll(output: Output, items: readonly AddedOutput[], isQuiet: boolean): void {
  const text =
    output.encoding === 'json'
      ? `${indentJson(`[${items.map(addedOutputToJSON).join(',')}]`)}\n`
      : items.map((item) => lineOf(item, isQuiet)).join('')
  process.stdout.write(text)
}
