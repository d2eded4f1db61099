import { contentCid, GoPeer, InstantDaemons, type PeerProcess } from '@cluster/processes'
import { seededRandom } from '@cluster/testing'
import path from 'node:path'
import { eventually, newSecret, TestCluster } from '../test-cluster.ts'
import { pin, pinset, unpin } from './rest.ts'

/** Where the Go programs are. */
export interface GoPrograms {
  readonly service: string
  readonly ctl: string
}

/** How much is done. */
export interface MixedInit extends GoPrograms {
  readonly operations: number
  readonly seed: number
}

/** What came of it. */
export interface MixedResult {
  readonly done: Readonly<Record<Operation, number>>
  readonly refused: number
  readonly restarts: number
  /** Pins that were acknowledged, and that nobody unpinned: how many of them each peer lacks. */
  readonly missing: readonly number[]
  readonly pinsets: readonly number[]
  readonly areEqual: boolean
}

type Operation = 'pin' | 'rename' | 'update' | 'unpin'

/** A peer of either kind. */
interface Member {
  readonly restUrl: string
  readonly restart: () => Promise<void>
  isUp: boolean
}

const WORKERS = 4
const HEAL_LIMIT_MS = 300_000
const ALL = 'replication-min=-1&replication-max=-1'

/**
 * Two of our peers and two of the Go implementation; pins, new names and metadata, updates and unpins at random ones,
 * while each is stopped and started again once.
 */
export async function mixed({ service, ctl, operations, seed }: MixedInit): Promise<MixedResult> {
  const random = seededRandom(seed)
  await using daemons = await InstantDaemons.start(4)
  await using cluster = await TestCluster.create()
  await using stack = new AsyncDisposableStack()
  const secret = newSecret()
  const quick = { CLUSTER_CRDT_REBROADCASTINTERVAL: '10s' }
  const members: Member[] = []
  const addresses: string[] = []
  for (const index of [0, 1]) {
    const name = `go${index.toString()}`
    const kubo = daemons.address(index)
    const go = await GoPeer.create({
      service,
      ctl,
      name,
      folder: path.join(cluster.folder, name),
      secret,
      kubo,
      env: quick
    })
    stack.use(go)
    const start = (): Promise<void> =>
      go.start(
        ...(addresses.length === 0 ? [] : ['--bootstrap', addresses.filter((each) => each !== go.address).join()])
      )
    await start()
    addresses.push(go.address)
    const restart = async (): Promise<void> => {
      await go.stop()
      await start()
    }
    members.push({ restUrl: go.restUrl, restart, isUp: true })
  }
  for (const index of [2, 3]) {
    const env = { ...quick, CLUSTER_IPFSHTTP_NODEMULTIADDRESS: daemons.address(index) }
    const ours = await cluster.peer(`ours${index.toString()}`, secret, env, ['--ipfs', 'ipfshttp'])
    const start = async (): Promise<PeerProcess> => {
      const process = ours.start('-j', addresses.filter((each) => each !== ours.address).join())
      await process.ready()
      return process
    }
    let process = await start()
    addresses.push(ours.address)
    const restart = async (): Promise<void> => {
      await process.stop()
      process = await start()
    }
    members.push({ restUrl: `http://127.0.0.1:${ours.restPort.toString()}`, restart, isUp: true })
  }

  const here: string[] = []
  const gone = new Set<string>()
  const done = { pin: 0, rename: 0, update: 0, unpin: 0 }
  let refused = 0
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun < operations) {
      const number = begun++
      const up = members.filter(({ isUp }) => isUp)
      const at = up[Math.floor(random() * up.length)]
      if (at === undefined) throw new Error('no peer is up')
      const known = here[Math.floor(random() * here.length)]
      const choice = random()
      const operation: Operation =
        known === undefined || choice < 0.6 ? 'pin' : choice < 0.75 ? 'rename' : choice < 0.85 ? 'update' : 'unpin'
      const fresh = contentCid(`${seed.toString()} ${number.toString()}`)
      const label = `name=n${number.toString()}&meta-round=${number.toString()}`
      const isDone =
        operation === 'pin'
          ? await pin(at.restUrl, fresh, `?${ALL}&${label}`)
          : operation === 'rename'
            ? await pin(at.restUrl, known ?? '', `?${ALL}&${label}`)
            : operation === 'update'
              ? await pin(at.restUrl, fresh, `?pin-update=${known ?? ''}&${label}`)
              : await unpin(at.restUrl, known ?? '')
      // an unpin may have taken hold although it failed, and a new name may come after it
      if (operation === 'unpin' || (operation === 'rename' && gone.has(known ?? ''))) gone.add(known ?? '')
      if (!isDone) refused++
      else {
        done[operation]++
        if (operation === 'pin' || operation === 'update') here.push(fresh)
      }
    }
  }
  let restarts = 0
  const restarter = async (): Promise<void> => {
    for (const [index, member] of members.entries()) {
      await eventually(
        () => Promise.resolve(begun),
        (count) => count >= (operations * (index + 1)) / (members.length + 1),
        HEAL_LIMIT_MS
      )
      member.isUp = false
      await member.restart()
      member.isUp = true
      restarts++
    }
  }
  await Promise.all([restarter(), ...Array.from({ length: WORKERS }, worker)])

  const look = (): Promise<string[][]> => Promise.all(members.map(({ restUrl }) => canonical(restUrl)))
  const lists = await eventually(look, areEqual, HEAL_LIMIT_MS).catch(look)
  const kept = here.filter((cid) => !gone.has(cid))
  return {
    done,
    refused,
    restarts,
    missing: lists.map((list) => {
      const has = new Set(list.map((line) => (JSON.parse(line) as { cid: string }).cid))
      return kept.filter((cid) => !has.has(cid)).length
    }),
    pinsets: lists.map(({ length }) => length),
    areEqual: areEqual(lists)
  }
}

/** The pinset with all that two peers must agree on. */
async function canonical(restUrl: string): Promise<string[]> {
  const lines: string[] = []
  for await (const listed of pinset(restUrl)) {
    const { cid, name, mode, replication_factor_min: min, replication_factor_max: max, metadata } = listed
    lines.push(JSON.stringify({ cid, name, mode, min, max, metadata: Object.entries(metadata ?? {}).sort() }))
  }
  return lines.sort()
}

function areEqual(lists: readonly (readonly string[])[]): boolean {
  const [first = []] = lists
  return lists.every((list) => list.join() === first.join())
}
