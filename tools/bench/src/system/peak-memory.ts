import { readFile, writeFile } from 'node:fs/promises'

const MIB = 1024
/** What `clear_refs` takes to forget the peak. */
const FORGET_PEAK = '5'

/** The most that a process was resident since {@link resetPeak}, in MiB; `undefined` where Linux does not say it. */
export async function peakMiB(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid.toString()}/status`, 'utf8').catch(() => '')
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? undefined : Number(kib) / MIB
}

/** Forgets the peak so far; where that is not possible, {@link peakMiB} is that since the start. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid.toString()}/clear_refs`, FORGET_PEAK).catch(() => undefined)
}
