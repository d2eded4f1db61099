import { isClusterError, pinOf, PinMode } from '@cluster/api'
import { blockNodes, seededRandom, settle, type KuboScript } from '@cluster/testing'
import { expect, it } from 'vitest'
import { answers, blockOf, setUp, texts } from './kubo.fixture.ts'
import type { KuboIpfs } from './kubo-ipfs.ts'

const SEEDS = 40
const CALLS_PER_SEED = 25
const limits = { ipfsRequestTimeoutMs: 5000, pinTimeoutMs: 5000, unpinTimeoutMs: 5000, repogcTimeoutMs: 5000 }
/** What a call may fail with, whatever the daemon does. */
const CODES = ['IPFS', 'TIMEOUT', 'LIMIT', 'CORRUPT'] as const

const { cid } = blockOf('x')
const operations: readonly ((ipfs: KuboIpfs) => Promise<unknown>)[] = [
  (ipfs) => ipfs.id({}),
  (ipfs) => ipfs.pinLsCid(pinOf(cid), {}),
  (ipfs) => Array.fromAsync(ipfs.pinLs(['recursive', 'direct'], {})),
  (ipfs) => ipfs.pin(pinOf(cid), {}),
  (ipfs) => ipfs.pin(pinOf(cid, { mode: PinMode.direct, pinUpdate: blockOf('older').cid }), {}),
  (ipfs) => ipfs.unpin(cid, {}),
  (ipfs) => ipfs.blockStream(blockNodes(blockOf('x'), blockOf('y')), {}),
  (ipfs) => ipfs.blockGet(cid, {}),
  (ipfs) => ipfs.repoStat({}),
  (ipfs) => Array.fromAsync(ipfs.repoGC({})),
  (ipfs) => ipfs.resolve('/ipns/x', {}),
  (ipfs) => ipfs.swarmPeers({}),
  (ipfs) => ipfs.configKey('Datastore/StorageMax', {})
]
const paths =
  'id pin/ls pin/add pin/rm pin/update block/put block/get repo/stat repo/gc resolve swarm/peers config/show'

/** A daemon that does what it wants, the same for each seed. */
function lunacy(random: () => number): KuboScript {
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(items: readonly T[]): T | undefined => items[below(items.length)]
  const words = [...Object.values(answers), '<html>', '[]', 'null', '{"Pins":[7]}', '{"Message":7}', '\u0000\uffff', '']
  return (request, response) => {
    if (random() < 0.7) request.resume() // else it never reads what is sent
    const end = pick(['end', 'end', 'end', 'hang', 'reset', 'trailer', 'cut'] as const)
    if (random() < 0.1) return void request.socket.destroy()
    if (random() < 0.1) return
    const status = pick([200, 200, 200, 200, 204, 301, 404, 500, 502]) ?? 200
    const hasBody = status !== 204
    response.writeHead(status, hasBody ? { trailer: 'X-Stream-Error' } : {})
    for (let n = below(4); n > 0; n--) {
      const text = `${pick(words) ?? ''}${random() < 0.8 ? '\n' : ''}`
      response.write(random() < 0.2 ? text.slice(0, below(text.length)) : text)
    }
    if (end === 'trailer' && hasBody) response.addTrailers({ 'x-stream-error': 'disk on fire' })
    if (end === 'end' || end === 'trailer') response.end()
    else if (end === 'reset') request.socket.resetAndDestroy()
    else if (end === 'cut') request.socket.end()
  }
}

it.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'whatever the daemon does, each call ends in time with a value or an error that has a code (seed %i)',
  async (seed) => {
    const { kubo, ipfs, clock, context } = await setUp(limits)
    const random = seededRandom(seed)
    const below = (limit: number): number => Math.floor(random() * limit)
    for (const path of paths.split(' ')) kubo.script(path, lunacy(random))
    const running = new Set<Promise<void>>()
    for (let n = 0; n < CALLS_PER_SEED; n++) {
      const operation = operations[below(operations.length)]
      const call: Promise<void> = Promise.resolve(operation?.(ipfs))
        .then(
          () => undefined,
          (error: unknown) => {
            expect(isClusterError(error, ...CODES), String(error)).toBe(true)
            expect(error).toHaveProperty('message', expect.stringMatching(/./))
          }
        )
        .finally(() => running.delete(call))
      running.add(call)
      if (random() < 0.5) await settle()
    }
    // no call has more than a few requests, each within its limit
    while (running.size > 0) {
      await settle()
      if (clock.pending > 0) await clock.advance(1000)
    }
    expect(texts(context.lines).filter((text) => text === '')).toEqual([])
    for (const path of paths.split(' ')) kubo.script(path, undefined)
    await clock.advance(60_000)
    expect((await ipfs.id({})).id?.toString()).toBe(kubo.id)
    expect(ipfs.health.state).toBe('up')
  }
)
