import { TrackerStatus, type AddedOutput, type GlobalPinInfo } from '@cluster/api'
import { ClusterClient } from '@cluster/client'
import { fileEntries, totalFileBytes } from '@cluster/client/files'
import { Presets, SingleBar } from 'cli-progress'
import { basename, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import type { RunningPeer } from './three-peers.ts'

/** Copies of what is added. */
const COPIES = 2
const POLL_MS = 200
const MIB = 1024 * 1024

/** What was added. */
export interface Added {
  readonly cid: CID
  readonly name: string
  readonly path: string
  /** Everything that was stored, the root last. */
  readonly items: readonly AddedOutput[]
}

/** Adds a file or folder at a peer, with a bar that shows how far it is. */
export async function addContent({ restUrl }: RunningPeer, path: string, signal: AbortSignal): Promise<Added> {
  const client = new ClusterClient({ url: restUrl })
  const name = basename(resolve(path))
  const total = (await totalFileBytes([path], { recursive: true })) ?? 0
  const bar = new SingleBar(
    { format: `Adding ${name} |{bar}| {percentage}% of {mib} MiB`, clearOnComplete: false, noTTYOutput: false },
    Presets.shades_classic
  )
  bar.start(Math.max(total, 1), 0, { mib: (total / MIB).toFixed(1) })
  try {
    const items: AddedOutput[] = []
    const params = { name, replicationFactorMin: COPIES, replicationFactorMax: COPIES, cidVersion: 1, rawLeaves: true }
    const onUpload = (bytes: number): void => {
      bar.update(bytes)
    }
    for await (const item of client.add(fileEntries([path], { recursive: true }), params, { signal, onUpload })) {
      if (item.cid !== undefined) items.push(item)
    }
    bar.update(Math.max(total, 1))
    const root = items.at(-1)?.cid
    if (root === undefined) throw new Error(`nothing was added of ${path}`)
    return { cid: root, name, path, items }
  } finally {
    bar.stop()
    client.close()
  }
}

/** Resolves when a peer sees as many members as there are peers: before that it cannot choose among them. */
export async function waitUntilMet({ restUrl }: RunningPeer, members: number, signal: AbortSignal): Promise<void> {
  const client = new ClusterClient({ url: restUrl })
  try {
    for (;;) {
      const metrics = await client.metrics('freespace', { signal })
      if (metrics.length >= members) return
      await setTimeout(POLL_MS, undefined, { signal })
    }
  } finally {
    client.close()
  }
}

/** Resolves when as many peers as there shall be copies have the content. */
export async function waitUntilPinned(
  { restUrl }: RunningPeer,
  { cid }: Added,
  signal: AbortSignal
): Promise<GlobalPinInfo> {
  const client = new ClusterClient({ url: restUrl })
  try {
    return await client.waitFor(cid, { target: TrackerStatus.pinned, limit: COPIES, intervalMs: POLL_MS, signal })
  } finally {
    client.close()
  }
}
