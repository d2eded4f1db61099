import type { Multiaddr } from '@multiformats/multiaddr'
import { isLoopback } from '@libp2p/utils'
import multicastDns, { type MulticastDNS } from 'multicast-dns'
import { networkInterfaces } from 'node:os'
import { answer, hostsIn, instanceName, isQuestion, question } from './mdns-records.ts'

/** Time from the first question to the second; it doubles up to the longest, as that of the Go peer grows. */
const firstPauseMs = 4000
const longestPauseMs = 60_000
/** Answers on one interface are at least so far apart (RFC 6762 §6). */
const answerPauseMs = 1000

interface Setup {
  /** Addresses that the host listens on, each with `/p2p/`. */
  readonly addresses: () => readonly Multiaddr[]
  /** Called for each host in each answer; the own one comes too. */
  readonly onFound: (peer: string, addresses: readonly Multiaddr[]) => void
  /** Called once, when discovery does not work. */
  readonly onTrouble: (reason: string) => void
  readonly random: () => number
  /** IPv4 addresses of the machine; default those of its interfaces. */
  readonly interfaces?: () => readonly string[]
  readonly port?: number
}

/**
 * Finds hosts of clusters on the local network, and lets them find this one, by multicast DNS.
 *
 * Asks and answers on all IPv4 interfaces, also those that come up later. A host that listens on loopback only stays
 * on the loopback interface, and other hosts are told no loopback addresses outside of it.
 *
 * @see wire-host-rpc.md §1.9
 */
export class Mdns {
  readonly #setup: Setup
  readonly #instance: string
  readonly #sockets = new Map<string, MulticastDNS>()
  readonly #answering = new Map<string, { readonly timer: NodeJS.Timeout; again: boolean }>()
  #timer: NodeJS.Timeout | undefined
  #isTroubleTold = false
  #stopped = false

  constructor(setup: Setup) {
    this.#setup = setup
    this.#instance = instanceName(setup.random)
  }

  start(): void {
    this.#ask(firstPauseMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    for (const { timer } of this.#answering.values()) clearTimeout(timer)
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    await Promise.all(sockets.map(closed))
  }

  #ask(pauseMs: number): void {
    this.#openSockets()
    for (const [ip, socket] of this.#sockets) {
      socket.query(question(), this.#sent(ip))
    }
    const spread = 0.8 + 0.4 * this.#setup.random()
    this.#timer = setTimeout(() => {
      this.#ask(Math.min(longestPauseMs, 2 * pauseMs))
    }, pauseMs * spread)
  }

  /** Follows the interfaces of the machine. */
  #openSockets(): void {
    const listening = this.#setup.addresses()
    const isLocal = listening.every(isLoopback)
    const wanted = new Set((this.#setup.interfaces ?? ownAddresses)().filter((ip) => !isLocal || ip.startsWith('127.')))
    for (const [ip, socket] of this.#sockets) {
      if (wanted.has(ip)) continue
      this.#sockets.delete(ip)
      socket.destroy()
    }
    for (const ip of wanted) {
      if (!this.#sockets.has(ip)) this.#sockets.set(ip, this.#open(ip))
    }
    if (this.#sockets.size === 0) this.#tellTrouble('no supported interface')
  }

  #open(ip: string): MulticastDNS {
    const { port } = this.#setup
    const socket = multicastDns({ interface: ip, bind: '0.0.0.0', ...(port === undefined ? {} : { port }) })
    socket.on('error', (error: Error) => {
      this.#giveUp(ip, error)
    })
    // What cannot be decoded comes here too: packets of all kinds of programs.
    socket.on('warning', (error: Error & { syscall?: string }) => {
      if (error.syscall !== undefined) this.#giveUp(ip, error)
    })
    socket.on('query', ({ questions }) => {
      if (isQuestion(questions)) this.#answerSoon(ip)
    })
    socket.on('response', (packet) => {
      for (const [peer, addresses] of hostsIn(packet)) this.#setup.onFound(peer, addresses)
    })
    // Nobody needs to ask to learn that this host is here now.
    socket.on('ready', () => {
      this.#answerSoon(ip)
    })
    return socket
  }

  /** At once, or together with all who ask until the pause after the last answer is over. */
  #answerSoon(ip: string): void {
    const pending = this.#answering.get(ip)
    if (pending !== undefined) {
      pending.again = true
      return
    }
    if (this.#stopped) return
    this.#answer(ip)
    const timer = setTimeout(() => {
      const again = this.#answering.get(ip)?.again === true
      this.#answering.delete(ip)
      if (again) this.#answerSoon(ip)
    }, answerPauseMs)
    this.#answering.set(ip, { timer, again: false })
  }

  #answer(ip: string): void {
    const isInside = ip.startsWith('127.')
    const told = this.#setup.addresses().filter((address) => isInside || !isLoopback(address))
    const packet = answer(this.#instance, told, ip)
    if (packet !== undefined) this.#sockets.get(ip)?.respond(packet, this.#sent(ip))
  }

  #sent(ip: string): (error: Error | null) => void {
    return (error) => {
      if (error !== null) this.#giveUp(ip, error)
    }
  }

  /** Until the next question: the network may come back. */
  #giveUp(ip: string, error: Error): void {
    const socket = this.#sockets.get(ip)
    if (socket === undefined) return
    this.#sockets.delete(ip)
    socket.destroy()
    if (this.#sockets.size === 0) this.#tellTrouble(error.message)
  }

  #tellTrouble(reason: string): void {
    if (this.#isTroubleTold || this.#stopped) return
    this.#isTroubleTold = true
    this.#setup.onTrouble(reason)
  }
}

function closed(socket: MulticastDNS): Promise<void> {
  return new Promise((resolve) => {
    socket.destroy(resolve)
  })
}

/** One IPv4 address of each interface. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap(
    (interfaces) => interfaces?.find(({ family }) => family === 'IPv4')?.address ?? []
  )
}
