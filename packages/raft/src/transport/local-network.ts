import type { ServerId } from '../configuration.ts'
import { RaftError } from '../errors.ts'
import type { Incoming, RaftTransport } from '../ports.ts'

/** Servers of one process talk to each other, for tests and examples: each request arrives, in order, in a later turn. */
export class LocalNetwork {
  readonly #handlers = new Map<ServerId, (incoming: Incoming) => void>()
  readonly #cut = new Set<ServerId>()

  /** What the server of that ID is given. */
  transport(id: ServerId): RaftTransport {
    return {
      serve: (handler) => {
        this.#handlers.set(id, handler)
        return Promise.resolve(() => {
          this.#handlers.delete(id)
          return Promise.resolve()
        })
      },
      call: async ({ to, request }, data, { signal }) => {
        await Promise.resolve()
        const handler = this.#handlers.get(to)
        if (handler === undefined || this.#cut.has(id) || this.#cut.has(to)) {
          throw new RaftError('RAFT_UNREACHABLE', `${to} cannot be reached`)
        }
        return new Promise((resolve, reject) => {
          const give = (): void => {
            reject(new RaftError('RAFT_UNREACHABLE', `${to} gave no answer`))
          }
          signal.addEventListener('abort', give, { once: true })
          const off = (): void => {
            signal.removeEventListener('abort', give)
          }
          handler({
            request,
            ...(data && { data }),
            answer: (reply) => {
              off()
              resolve(reply)
            },
            drop: () => {
              off()
              give()
            }
          })
        })
      }
    }
  }

  /** Nothing gets to this server or from it any more, until {@link LocalNetwork.join}. */
  isolate(id: ServerId): void {
    this.#cut.add(id)
  }

  join(id: ServerId): void {
    this.#cut.delete(id)
  }
}
