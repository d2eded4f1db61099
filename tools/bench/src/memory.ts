import { readFile } from 'node:fs/promises'

const MIB = 1024

/** Resident memory of a process in MiB, from what Linux says; `undefined` where there is no such file. */
export async function residentMiB(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid.toString()}/status`, 'utf8').catch(() => '')
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? undefined : Number(kib) / MIB
}
