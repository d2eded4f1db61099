import { readFile } from 'node:fs/promises'

/** Linux counts the time of processes in hundredths of a second, whatever the machine. */
const TICKS_PER_SECOND = 100
/** Where user and system time stand behind the name of the program, which may hold anything. */
const USER_TIME = 11
const SYSTEM_TIME = 12

/** Seconds that a process has computed so far, from what Linux says; 0 where there is no such file. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid.toString()}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER_TIME] ?? 0) + Number(fields[SYSTEM_TIME] ?? 0)) / TICKS_PER_SECOND
}
