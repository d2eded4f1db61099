import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DagBlocks, MerkleCrdt, type Clock, type CrdtStorage, type MerkleCrdtInit } from '@cluster/merkle-crdt'

export const NAMESPACE = '/c'

/** The time of the machine. */
export const clock: Clock = {
  nowMs: () => Date.now(),
  setTimer: (atMs, fn) => {
    const timer = setTimeout(fn, atMs - Date.now())
    return () => {
      clearTimeout(timer)
    }
  },
  soon: (fn) => {
    setImmediate(fn)
  }
}

const silent = (): void => undefined

/** A store with nobody to talk to, unless `init` says otherwise. */
export function openStore(storage: CrdtStorage, init: Partial<MerkleCrdtInit> = {}): Promise<MerkleCrdt> {
  return MerkleCrdt.open({
    storage,
    namespace: NAMESPACE,
    blocks: new DagBlocks(storage, NAMESPACE),
    clock,
    random: () => Math.random(),
    log: { debug: silent, info: silent, warn: silent, error: silent },
    ...init
  })
}

/** A folder for one job; it is removed in the end. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-crdt-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
