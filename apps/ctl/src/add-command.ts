import { TrackerStatus, type AddedOutput, type AddParams } from '@cluster/api'
import type { ClusterClient } from '@cluster/client'
import { fileEntries } from '@cluster/client/files'
import { addedOutputToJSON } from '@cluster/wire'
import { Failure } from './failure.ts'
import { indentJson } from './indent-json.ts'
import type { Output } from './output.ts'
import { pinOptionsOf, type PinFlags } from './pin-arguments.ts'
import { waitForStatus } from './wait.ts'

/** The flags of `add`. */
export interface AddFlags extends PinFlags {
  readonly recursive?: boolean | undefined
  readonly quiet?: boolean | undefined
  readonly quieter?: boolean | undefined
  readonly stream: boolean
  readonly local?: boolean | undefined
  readonly pin: boolean
  readonly wait?: boolean | undefined
  readonly waitTimeout?: string | undefined
  readonly wrapWithDirectory?: boolean | undefined
  readonly hidden?: boolean | undefined
  readonly chunker: string
  readonly rawLeaves?: boolean | undefined
  readonly cidVersion: number
  readonly hash: string
  readonly layout: string
}

/**
 * `ipfs-cluster-ctl add`.
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
  const entries = fileEntries(paths, { recursive: flags.recursive === true, hidden: flags.hidden === true })
  const kept: AddedOutput[] = []
  let last: AddedOutput | undefined
  for await (const item of client.add(entries, paramsOf(flags, paths.length))) {
    if (item.cid === undefined) continue
    last = item
    if (!flags.stream) kept.push(item)
    else if (flags.quieter !== true) output.print(item, (added) => lineOf(added, flags), addedOutputToJSON)
  }
  if (flags.quieter === true && last !== undefined)
    output.print(last, (added) => lineOf(added, flags), addedOutputToJSON)
  else if (!flags.stream) printAll(output, kept, flags)
  if (flags.wait === true && last?.cid !== undefined) {
    const { replicationFactorMin } = await client.allocation(last.cid)
    await waitForStatus(client, last.cid, TrackerStatus.pinned, replicationFactorMin, flags.waitTimeout)
  }
}

function paramsOf(flags: AddFlags, paths: number): Partial<AddParams> {
  const cidVersion = flags.hash === 'sha2-256' ? flags.cidVersion : Math.max(1, flags.cidVersion)
  return {
    ...pinOptionsOf(flags, Date.now()),
    local: flags.local === true,
    recursive: flags.recursive === true,
    hidden: flags.hidden === true,
    // Several things need something that holds them.
    wrapWithDirectory: flags.wrapWithDirectory === true || paths > 1,
    noPin: !flags.pin,
    chunker: flags.chunker,
    rawLeaves: flags.rawLeaves === true || cidVersion > 0,
    cidVersion,
    hash: flags.hash,
    layout: flags.layout === 'trickle' ? 'trickle' : 'balanced'
  }
}

function lineOf({ cid, name }: AddedOutput, flags: AddFlags): string {
  const text = cid?.toString() ?? ''
  return flags.quiet === true || flags.quieter === true ? `${text}\n` : `added ${text} ${name}\n`
}

function printAll(output: Output, items: readonly AddedOutput[], flags: AddFlags): void {
  const text =
    output.encoding === 'json'
      ? `${indentJson(`[${items.map(addedOutputToJSON).join(',')}]`)}\n`
      : items.map((item) => lineOf(item, flags)).join('')
  process.stdout.write(text)
}
