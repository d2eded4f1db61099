import type { BlockKey } from '../cid/key.ts'
import type { WireCid } from '../cid/parse.ts'
import type { SessionState } from './session-state.ts'

/** One block that somebody here wants. All sessions that want it share it: it is asked of one peer at a time. */
export class Want {
  readonly key: BlockKey
  /** The CIDs under which it was asked for, the first first. */
  readonly forms: [WireCid, ...WireCid[]]
  readonly sessions = new Set<SessionState>()
  /** The peer that owes the block. */
  askedPeer: string | undefined
  /** Every peer was asked whether it has the block, and peers that connect later are. */
  broadcast = false

  constructor(cid: WireCid) {
    this.key = cid.key
    this.forms = [cid]
  }

  addForm(cid: WireCid): void {
    if (!this.forms.some(({ form }) => form === cid.form)) this.forms.push(cid)
  }
}
