import { yamux } from '@libp2p/yamux'
import type { HostOptions } from './host-options.ts'

/**
 * Windows that a stream starts with. The library takes its own value for what the other side grants, so any other than
 * 256 KiB breaks connections with Go peers.
 */
const initialWindow = 262_144
/** Streams that one connection may carry at once: broadcasts and adders open hundreds. */
const maxStreams = 4096

/** Yamux with settings that do not break under load. */
export function muxer(
  maxInboundStreams: number,
  { maxWindow, maxReadBuffer }: NonNullable<HostOptions['streams']>
): ReturnType<typeof yamux> {
  return yamux({
    maxInboundStreams,
    maxOutboundStreams: maxStreams,
    maxEarlyStreams: 128,
    streamOptions: {
      initialStreamWindowSize: initialWindow,
      maxStreamWindowSize: maxWindow,
      maxReadBufferLength: maxReadBuffer
    }
  })
}
