import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'

/** How a {@link Link} is. */
interface LinkOptions {
  /** Bytes a second from the target to whoever connected; default as fast as it goes. */
  readonly bytesPerSecond?: number | undefined
}

/** A TCP connection to a peer by way of the test, which counts what passes and may make it slow. */
export class Link implements AsyncDisposable {
  readonly port: number
  /** From the target to whoever connected. */
  bytes = 0
  /** 0: as fast as it goes. May be changed at any time. */
  bytesPerSecond: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number, bytesPerSecond: number) {
    this.#server = server
    this.port = port
    this.bytesPerSecond = bytesPerSecond
  }

  /** Listens on a free port of the loopback address for connections to another port of it. */
  static async open(target: number, { bytesPerSecond = 0 }: LinkOptions = {}): Promise<Link> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const link = new Link(server, typeof address === 'object' && address !== null ? address.port : 0, bytesPerSecond)
    server.on('connection', (socket) => {
      link.#pass(socket, connect(target, '127.0.0.1'))
    })
    return link
  }

  #pass(here: Socket, there: Socket): void {
    const meter = new Transform({
      transform: (chunk: Uint8Array, _encoding, done) => {
        this.bytes += chunk.byteLength
        if (this.bytesPerSecond === 0) done(null, chunk)
        else
          void pause((chunk.byteLength * 1000) / this.bytesPerSecond).then(() => {
            done(null, chunk)
          })
      }
    })
    for (const socket of [here, there]) {
      socket.setNoDelay(true)
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', () => undefined) // as when a process is killed
    }
    here.pipe(there)
    there.pipe(meter).pipe(here)
    // one end that goes takes the other with it; what is on its way still arrives
    here.once('close', () => there.destroy())
    there.once('error', () => here.destroy())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
