import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'

/** A TCP connection to a peer by way of the test, which counts what passes and may make it slow. */
export class Link implements AsyncDisposable {
  readonly port: number
  /** The port of the loopback address that connections lead to. */
  target = 0
  /** How much came from the target so far. */
  bytes = 0
  /** From the target to whoever connected; 0: as fast as it goes. */
  bytesPerSecond = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
    server.on('connection', (socket) => {
      this.#pass(socket, connect(this.target, '127.0.0.1'))
    })
  }

  /** Listens on a free port of the loopback address. */
  static async open(): Promise<Link> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return new Link(server, typeof address === 'object' && address !== null ? address.port : 0)
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
