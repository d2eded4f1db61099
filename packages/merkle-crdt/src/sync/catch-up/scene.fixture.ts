import { Inbox, ManualClock, MemoryDatastore, memoryLogger, seededRandom } from '@cluster/testing'
import type { AbortOptions } from '@libp2p/interface'
import type { CommitHook } from '@cluster/testing'
import { DagBlocks, encodeBroadcast, MerkleCrdt, type DagExchange, type MerkleCrdtInit } from '../../index.ts'
import type { CatchUpChannel } from './channel.ts'
import type { CatchUpLimits } from './limits.ts'
import type { CatchUpPeer } from './server-link.ts'

const TOPIC = 'a cluster'

/** One end of a channel in memory: a writer waits while two messages are unread. */
class MemoryChannel implements CatchUpChannel {
  readonly #unread: Uint8Array[] = []
  other: MemoryChannel | undefined
  #wake: () => void = () => undefined
  #drained: () => void = () => undefined
  #closed: { error: Error | undefined } | undefined
  /** Changes what arrives: a lying or damaged other side. */
  tamper: (message: Uint8Array) => Uint8Array | undefined = (message) => message
  received = 0

  async read({ signal }: AbortOptions): Promise<Uint8Array | undefined> {
    for (;;) {
      signal?.throwIfAborted()
      const message = this.#unread.shift()
      if (message !== undefined) {
        this.#drained()
        this.received += 1
        return message
      }
      if (this.#closed !== undefined) {
        if (this.#closed.error !== undefined) throw this.#closed.error
        return undefined
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal?.addEventListener('abort', () => {
          resolve()
        })
      })
    }
  }

  async write(message: Uint8Array, { signal }: AbortOptions): Promise<void> {
    signal?.throwIfAborted()
    const { other } = this
    if (other === undefined || other.#closed !== undefined) throw new Error('the channel is closed')
    const sent = other.tamper(message)
    if (sent === undefined) return
    other.#unread.push(sent)
    other.#wake()
    while (other.#unread.length > 2 && this.#closed === undefined) {
      signal?.throwIfAborted()
      await new Promise<void>((resolve) => {
        other.#drained = resolve
        signal?.addEventListener('abort', () => {
          resolve()
        })
      })
    }
  }

  close(reason?: Error): void {
    for (const end of [this, this.other]) {
      if (end === undefined || end.#closed !== undefined) continue
      end.#closed = { error: reason }
      end.#wake()
      end.#drained()
    }
  }
}

/** Both ends of a channel. */
export function channelPair(): [MemoryChannel, MemoryChannel] {
  const [a, b] = [new MemoryChannel(), new MemoryChannel()]
  a.other = b
  b.other = a
  return [a, b]
}

/** Elements that a tombstone takes back are not in a snapshot: they cannot come back. */
export function withoutDead(content: readonly string[]): string[] {
  const dead = new Set(content.filter((line) => line.startsWith('/c/s/t/')).map((line) => line.slice(6, -1)))
  return content.filter((line) => !line.startsWith('/c/s/s/') || !dead.has(line.slice(6, line.indexOf('='))))
}

/** How a member is opened. */
export interface MemberOptions {
  readonly limits?: Partial<CatchUpLimits> | undefined
  readonly snapshots?: boolean
  readonly archive?: boolean
  readonly storage?: MemoryDatastore
  /** Without the protocol, as a Go peer. */
  readonly isPlain?: boolean
  readonly batching?: MerkleCrdtInit['batching']
  readonly onCommit?: CommitHook
}

/** A replica in a {@link Scene}. */
export class Member {
  readonly name: string
  readonly storage: MemoryDatastore
  readonly blocks: DagBlocks
  readonly inbox = new Inbox()
  /** Blocks that came by the exchange. */
  fetched = 0
  isTrusted = true
  isOnline = true
  /** Whether others know that it speaks the protocol. */
  isKnown = true
  /** Whether the exchange gets blocks from here. */
  isServing = true
  tamper: (message: Uint8Array) => Uint8Array | undefined = (message) => message
  #store: MerkleCrdt | undefined

  constructor(name: string, storage: MemoryDatastore) {
    this.name = name
    this.storage = storage
    this.blocks = new DagBlocks(storage, '/c')
  }

  get store(): MerkleCrdt {
    if (this.#store === undefined) throw new Error('not open')
    return this.#store
  }

  opened(store: MerkleCrdt): void {
    this.#store = store
  }

  async pin(count: number, prefix = '/k'): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const value = new TextEncoder().encode(`${this.name} ${prefix} ${index}`)
      await this.store.commit([{ type: 'put', key: `${prefix}${index}`, value }])
    }
  }

  async announceTo(other: Member): Promise<void> {
    await other.inbox.deliver(encodeBroadcast((await this.store.stats()).heads))
  }

  /** Everything that replicas have in common, as text; without what is `skipped`. */
  async content(skipped: RegExp = /^\/c\/(ts|bs)/): Promise<string[]> {
    const entries: string[] = []
    for await (const { key, value } of this.storage.query({})) {
      if (!skipped.test(key.toString())) entries.push(`${key.toString()}=${Buffer.from(value).toString('hex')}`)
    }
    return entries.sort()
  }
}

/** Replicas that reach each other by channels and an exchange in memory. */
export class Scene {
  readonly clock = new ManualClock()
  readonly members: Member[] = []
  readonly log = memoryLogger()

  async open(name: string, options: MemberOptions = {}): Promise<Member> {
    const before = this.members.findIndex((member) => member.name === name)
    if (before >= 0) this.members.splice(before, 1)
    const { onCommit } = options
    const storage = options.storage ?? new MemoryDatastore(onCommit === undefined ? {} : { onCommit })
    const member = new Member(name, storage)
    this.members.push(member)
    const catchUp = {
      topic: TOPIC,
      peers: () => this.#peersOf(member),
      limits: { minBlocks: 4, minSnapshotBlocks: 50, ...options.limits },
      snapshots: options.snapshots,
      archive: options.archive
    }
    const store = await MerkleCrdt.open({
      storage,
      namespace: '/c',
      blocks: member.blocks,
      exchange: this.#exchange(member),
      broadcaster: member.inbox,
      clock: this.clock,
      random: seededRandom(1),
      log: this.log,
      repairIntervalMs: 0,
      batching: options.batching,
      ...(options.isPlain === true ? {} : { catchUp })
    })
    member.opened(store)
    return member
  }

  #peersOf(member: Member): CatchUpPeer[] {
    return this.members
      .filter((other) => other !== member && other.isOnline && other.isKnown && other.store.catchUp !== undefined)
      .map((other) => ({
        id: other.name,
        isTrusted: other.isTrusted,
        open: () => {
          const [ours, theirs] = channelPair()
          ours.tamper = (message) => other.tamper(message)
          void other.store.serveCatchUp(theirs, member.name)
          return Promise.resolve(ours)
        }
      }))
  }

  #exchange(member: Member): DagExchange {
    return {
      put: (blocks) => member.blocks.put(blocks),
      createSession: () => ({
        close: () => undefined,
        get: async (cid, options) => {
          if (await member.blocks.has(cid)) return member.blocks.get(cid)
          for (;;) {
            for (const other of this.members) {
              if (other === member || !other.isOnline || !other.isServing || !(await other.blocks.has(cid))) continue
              member.fetched += 1
              const bytes = await other.blocks.get(cid)
              await member.blocks.put([{ cid, bytes }])
              return bytes
            }
            options?.signal?.throwIfAborted()
            await new Promise<void>((resolve) => {
              const cancel = this.clock.setTimer(this.clock.nowMs() + 100, resolve)
              options?.signal?.addEventListener('abort', () => {
                cancel()
                resolve()
              })
            })
          }
        }
      })
    }
  }

  async close(): Promise<void> {
    for (const { store } of this.members) await store.close()
  }
}

/** Both tell each other of their heads until they have the same, as rebroadcasts do. */
export async function settleWith(scene: Scene, member: Member, other: Member): Promise<void> {
  for (let round = 0; round < 40; round += 1) {
    await other.announceTo(member)
    await member.announceTo(other)
    await scene.clock.advance(5000)
    const [a, b] = [await member.store.stats(), await other.store.stats()]
    if (a.queuedJobs + b.queuedJobs === 0 && String(a.heads) === String(b.heads)) return
  }
  throw new Error('no convergence')
}
