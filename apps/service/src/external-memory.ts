import { setFlagsFromString } from 'node:v8'

/** The V8 of Node.js 24. Later ones decide for themselves, and a flag that is no more would be complained about. */
const KNOWN_V8 = '13.6.'
const FLAG = '--external-memory-accounted-in-global-limit'

/**
 * Lets buffers count as memory like any other. Left alone, V8 marks its whole heap each time 64 MiB of buffers were made,
 * however many of them are garbage: for a peer that moves content that is every 10 MiB, and more than half of its CPU.
 */
export function accountForBuffers(v8 = process.versions.v8, setFlag = setFlagsFromString): void {
  if (v8.startsWith(KNOWN_V8)) setFlag(FLAG)
}
