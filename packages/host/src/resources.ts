import type { Connection, ConnectionGater } from '@libp2p/interface'
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { WaterMarks } from './trim.ts'

/** Limits of what connections may take; names are those of `cluster.resource_manager` in service.json. */
export interface ResourceOptions {
  /** Without it there are no limits. */
  readonly enabled: boolean
  /** Bytes that may wait in connections, unread or unsent; 0 for a quarter of the machine's memory. */
  readonly memoryLimitBytes: number
  /** Sockets to other peers; 0 for half of what the system allows the process. */
  readonly fileDescriptorsLimit: number
}

/** The machine, as far as limits depend on it. */
export interface Machine {
  readonly memoryBytes: number
  /** Files that the process may open. */
  readonly openFiles: number
}

/** How many of each a host takes; Infinity where there is no limit. */
export interface Limits {
  /** Connections opened by others. */
  readonly inbound: number
  /** Those of them that are not ready yet. */
  readonly pending: number
  /** Those of them by one peer. */
  readonly inboundPerPeer: number
  /** Streams opened by the other side of one connection. */
  readonly inboundStreams: number
  /** All connections. */
  readonly sockets: number
  /** Bytes that wait in all streams. */
  readonly waitingBytes: number
}

/** Limits by what the machine has. */
export const defaultResources: ResourceOptions = { enabled: true, memoryLimitBytes: 0, fileDescriptorsLimit: 0 }
const MiB = 1024 * 1024
const GiB = 1024 * MiB
const minInbound = 800
/** What the Go peer allows one peer: fixed, and a number of streams that grows with the memory. */
const inboundPerPeer = 8
const inboundStreams = { fixed: 256, perGiB: 128 }
/** Where the system does not say: what macOS allows a process at most. */
const unknownOpenFiles = 10_240

/**
 * The limits of a host on this machine.
 *
 * @see wire-host-rpc.md §1.6
 */
export function resourceLimits(options: ResourceOptions, marks: WaterMarks, machine: Machine): Limits {
  if (!options.enabled) {
    return {
      inbound: Infinity,
      pending: Infinity,
      inboundPerPeer: Infinity,
      inboundStreams: Infinity,
      sockets: Infinity,
      waitingBytes: Infinity
    }
  }
  const memory = Math.max(MiB, options.memoryLimitBytes || Math.floor(machine.memoryBytes / 4))
  const perMiB = Math.floor(memory / MiB)
  return {
    inbound: Math.max(perMiB, 2 * marks.highWater, minInbound),
    pending: Math.max(1, Math.floor(perMiB / 4)),
    inboundPerPeer,
    inboundStreams: inboundStreams.fixed + Math.floor((inboundStreams.perGiB * memory) / GiB),
    sockets: options.fileDescriptorsLimit || Math.floor(machine.openFiles / 2),
    waitingBytes: memory
  }
}

/** What this machine has. */
export function thisMachine(): Machine {
  return { memoryBytes: totalmem(), openFiles: openFiles() }
}

function openFiles(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? unknownOpenFiles : Number(soft)
  } catch {
    return unknownOpenFiles
  }
}

/**
 * Refuses connections beyond the limits; whatever `inner` refuses is refused as well.
 *
 * @param onRefused - told of each refusal by a limit
 */
export function limitingGater(
  limits: Limits,
  connections: () => readonly Connection[],
  onRefused: (reason: string) => void,
  inner: ConnectionGater = {}
): ConnectionGater {
  const refuse = (reason: string | undefined): boolean => {
    if (reason !== undefined) onRefused(reason)
    return reason !== undefined
  }
  const noSocket = (): string | undefined =>
    connections().length >= limits.sockets ? 'no more connections: file_descriptors_limit is reached' : undefined
  const noInbound = (): string | undefined => {
    const open = connections()
    const inbound = open.filter(({ direction }) => direction === 'inbound')
    if (inbound.length >= limits.inbound) return 'no more inbound connections: there are as many as the memory allows'
    if (waitingBytes(open) >= limits.waitingBytes) return 'no more inbound connections: memory_limit_bytes is reached'
    return noSocket()
  }
  return {
    ...inner,
    async denyDialPeer(peer) {
      return refuse(noSocket()) || ((await inner.denyDialPeer?.(peer)) ?? false)
    },
    async denyInboundConnection(connection) {
      return refuse(noInbound()) || ((await inner.denyInboundConnection?.(connection)) ?? false)
    },
    async denyInboundUpgradedConnection(peer, connection) {
      const count = connections().filter(
        ({ direction, remotePeer }) => direction === 'inbound' && remotePeer.equals(peer)
      ).length
      const reason = count >= limits.inboundPerPeer ? `no more connections from ${peer.toString()}` : undefined
      return refuse(reason) || ((await inner.denyInboundUpgradedConnection?.(peer, connection)) ?? false)
    }
  }
}

function waitingBytes(connections: readonly Connection[]): number {
  return connections
    .flatMap(({ streams }) => streams)
    .reduce((sum, stream) => sum + stream.readBufferLength + stream.writeBufferLength, 0)
}
