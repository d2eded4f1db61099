import type { AddedOutput, NodeWithMeta } from '@cluster/api'
import { bytesView, mapped } from '@cluster/msgpack'
import { at, complete, list, present, record, type Form, type Loose } from './form.ts'
import { bytes, cid, peer, string, uint64 } from './scalars.ts'

/** Not copied out of the message, which is nobody else's. */
const view: Form<Uint8Array | undefined> = { ...bytes, msgpack: bytesView }

/** A block on its way; CID and data may be missing. */
export const looseNodeWithMetaForm: Form<Loose<NodeWithMeta>> = record<Loose<NodeWithMeta>>({
  data: at(view, 'Data', 'd°'),
  cid: at(cid, 'Cid', 'c°'),
  cumSize: at(uint64, 'CumSize', 's°')
})

const withData: Form<Loose<NodeWithMeta>> = {
  ...looseNodeWithMetaForm,
  msgpack: mapped<Loose<NodeWithMeta>, Loose<NodeWithMeta>>(
    looseNodeWithMetaForm.msgpack,
    (node) => ({ ...node, data: node.data ?? new Uint8Array(0) }),
    (node) => node
  )
}

/** A block on its way. One without bytes has none, in whatever way that was written. */
export const nodeWithMetaForm: Form<NodeWithMeta> = complete<NodeWithMeta>('block', withData, ['cid', 'data'])

/** An event of an add. */
export const addedOutputForm: Form<AddedOutput> = record<AddedOutput>({
  name: at(string, 'name', 'n°'),
  cid: at(cid, 'cid', 'c'),
  bytes: at(uint64, 'bytes°', 'b°'),
  size: at(uint64, 'size°', 's°'),
  allocations: at(list(present('peer ID', peer)), 'allocations°', 'a°')
})
