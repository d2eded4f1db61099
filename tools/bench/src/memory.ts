import { readFile } from 'node:fs/promises'

const MIB = 1024

/** Resident memory of a process in MiB, from what Linux says; `undefined` where there is no such file. */
export async function residentMiB(pid: number): Promise<number | undefined> {
  return readStatus(pid, /^VmRSS:\s+(\d+) kB$/m)
}

/** The part of the resident memory that is no mapped file, which the system takes back when it needs it. */
export async function anonymousMiB(pid: number): Promise<number | undefined> {
  return readStatus(pid, /^RssAnon:\s+(\d+) kB$/m)
}

async function readStatus(pid: number, line: RegExp): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid.toString()}/status`, 'utf8').catch(() => '')
  const kib = line.exec(status)?.[1]
  return kib === undefined ? undefined : Number(kib) / MIB
}
