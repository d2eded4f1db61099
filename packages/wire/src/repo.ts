import type { GlobalRepoGC, IPFSRepoGC, IPFSRepoStat, RepoGC } from '@cluster/api'
import { at, complete, list, mapOf, record, type Form, type Loose } from './form.ts'
import { cid, peer, string, uint64 } from './scalars.ts'

/** Size of the IPFS repository. The limit is always written: in Go its tag is malformed. */
export const ipfsRepoStatForm: Form<IPFSRepoStat> = record<IPFSRepoStat>({
  repoSize: at(uint64, 'RepoSize', 'r°'),
  storageMax: at(uint64, 'StorageMax', 's')
})

/** A step of a garbage collection. */
export const ipfsRepoGcForm: Form<IPFSRepoGC> = record<IPFSRepoGC>({
  key: at(cid, 'key', 'k°'),
  error: at(string, 'error°', 'e°')
})

/** A garbage collection at one peer, which may be missing. */
export const looseRepoGcForm: Form<Loose<RepoGC>> = record<Loose<RepoGC>>({
  peer: at(peer, 'peer', 'p°'),
  peername: at(string, 'peername', 'pn°'),
  keys: at(list(ipfsRepoGcForm), 'keys', 'k'),
  error: at(string, 'error°', 'e°')
})

/** A garbage collection at one peer. */
export const repoGcForm: Form<RepoGC> = complete<RepoGC>('garbage collection', looseRepoGcForm, ['peer'])

/** A garbage collection of the cluster. */
export const globalRepoGcForm: Form<GlobalRepoGC> = record<GlobalRepoGC>({
  peerMap: at(mapOf(repoGcForm), 'peer_map', 'pm°')
})
