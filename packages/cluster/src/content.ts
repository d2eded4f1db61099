import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  timestampFromMs,
  type AddTarget,
  type Content,
  type GlobalRepoGC,
  type Guarded,
  type IPFSRepoGC,
  type IPFSRepoStat,
  type NodeWithMeta,
  type PinOptions,
  type RepoGC
} from '@cluster/api'
import type { Allocation } from './allocation.ts'
import { ANSWER_TIMEOUT_MS, ask } from './ask.ts'
import { checkExpiry, withFactors, type Factors } from './check-pin.ts'
import type { CoreCollaborators } from './collaborators.ts'
import type { MemberList } from './members.ts'
import type { Pinning } from './pinning.ts'
import type { Roles } from './roles.ts'
import { ownCollection } from './trusting.ts'
import { abortable } from './wait.ts'
import { whileAlive } from './while-alive.ts'

/** Most CIDs that the answer of a garbage collection lists; all that can go goes. */
const MAX_COLLECTED_KEYS = 1_000_000

/** Adding and collecting content. */
export interface ContentDesk extends Content {
  /** The peers that would get the blocks of this pin; one that has a CID may be pinned already. */
  blockAllocate(pin: PinOptions & { readonly cid?: CID | undefined }, options: AbortOptions): Promise<readonly PeerId[]>
  repoGCLocal(options: AbortOptions): Promise<RepoGC>
}

type Needs = Pick<CoreCollaborators, 'self' | 'peername' | 'consensus' | 'ipfs' | 'adder' | 'remote' | 'clock'>

/**
 * @see behaviours.md §1.20, §1.21, §6
 */
export function createContent(
  core: Needs,
  parts: { roles: Roles; members: MemberList; allocation: Allocation; pinning: Pinning },
  factors: Factors
): ContentDesk {
  const { self, peername, consensus, ipfs, adder, remote, clock } = core
  const { roles, members, allocation, pinning } = parts

  const blockAllocate: ContentDesk['blockAllocate'] = async ({ cid, ...options }, abort) => {
    roles.assertWritable()
    const existing = cid === undefined ? undefined : await consensus.pinset.get(cid, abort)
    const wanted = withFactors(options, factors)
    checkExpiry(wanted, timestampFromMs(clock.nowMs()))
    if (wanted.replicationFactorMin < 0) return await allocation.everybody(abort)
    return await allocation.allocate({ ...abort, cid, options: wanted, existing })
  }

  const blockStream = async (
    peer: PeerId,
    blocks: AsyncIterable<NodeWithMeta>,
    options: AbortOptions
  ): Promise<void> => {
    if (peer.equals(self)) {
      await ipfs.blockStream(blocks, options)
      return
    }
    const replies = remote.stream(peer, 'IPFSConnector.BlockStream', blocks, options)
    const iterator = replies[Symbol.asyncIterator]()
    // The peer says nothing but that it is done.
    while ((await iterator.next()).done !== true);
  }

  const targetOf = ({ guard }: Guarded): AddTarget => ({
    self,
    // The root is not known yet: a pin that happens to have the CID of the first block says nothing.
    blockAllocate: (pin, options) => blockAllocate({ ...pin, cid: undefined }, options),
    pin: (pin, options) => pinning.pinAdded(pin, { ...options, guard }),
    getPin: (cid, options) => consensus.pinset.get(cid, options),
    unpin: (cid, options) => pinning.remove(cid, options),
    blockStream
  })

  const repoGCLocal = async (options: AbortOptions): Promise<RepoGC> => {
    const keys: IPFSRepoGC[] = []
    for await (const key of ipfs.repoGC(options)) if (keys.length < MAX_COLLECTED_KEYS) keys.push(key)
    return { peer: self, peername, keys, error: '' }
  }

  const repoGCOf = async (peer: PeerId, signal: AbortSignal): Promise<RepoGC> =>
    peer.equals(self)
      ? await repoGCLocal({ signal })
      : await whileAlive(core, peer, signal, async (limited) =>
          ownCollection(peer, await remote.call(peer, 'Cluster.RepoGCLocal', undefined, { signal: limited }))
        )

  const repoStatOf = (peer: PeerId, signal: AbortSignal): Promise<IPFSRepoStat> =>
    peer.equals(self) ? ipfs.repoStat({ signal }) : remote.call(peer, 'IPFSConnector.RepoStat', undefined, { signal })

  return {
    blockAllocate,
    repoGCLocal,
    async *add(entries, params, options) {
      roles.assertWritable()
      return yield* adder.add(entries, params, targetOf(options), options)
    },
    async repoStat({ signal }) {
      let [repoSize, storageMax] = [0n, 0n]
      const peers = await members.list(abortable(signal))
      const timeoutMs = ANSWER_TIMEOUT_MS
      for await (const answer of ask(peers, repoStatOf, { ...abortable(signal), clock, timeoutMs })) {
        if (answer.error !== undefined) continue
        repoSize += answer.value.repoSize
        storageMax += answer.value.storageMax
      }
      return { repoSize, storageMax }
    },
    resolve: (path, options) => ipfs.resolve(path, abortable(options.signal)),
    allocate: ({ signal, ...options }) => blockAllocate(options, abortable(signal)),
    async repoGC({ local, signal }): Promise<GlobalRepoGC> {
      const peers = local === true ? [self] : await members.list(abortable(signal))
      const peerMap = new Map<string, RepoGC>()
      for await (const { peer, ...answer } of ask(peers, repoGCOf, { ...abortable(signal), clock })) {
        const failed = (error: string): RepoGC => ({
          peer,
          peername: members.lastPing(peer).peername,
          keys: [],
          error
        })
        peerMap.set(peer.toString(), answer.error === undefined ? answer.value : failed(answer.error.message))
      }
      return { peerMap }
    }
  }
}
