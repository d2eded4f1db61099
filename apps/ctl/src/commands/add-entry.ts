import type { LeafCommand } from '../command-line/command.ts'
import { add } from '../add-command.ts'
import { expiryFlag, factorFlags, localFlag, metadataFlag, nameFlag, waitTimeoutFlag } from './flags.ts'

/** `add`, with its flags as its code wants them. */
export const addCommand: LeafCommand = {
  name: 'add',
  usage: 'add files or folders and pin them',
  operands: '<path>...',
  description: `Paths are files, folders (with -r), or URLs whose content is fetched. Several are put into one directory.
On a terminal it is shown how much has been sent; Ctrl-C gives the add up.`,
  flags: [
    { names: ['recursive', 'r'], kind: 'switch', usage: 'take folders with what is in them' },
    { names: ['quiet', 'q'], kind: 'switch', usage: 'print CIDs only' },
    { names: ['quieter', 'Q'], kind: 'switch', usage: 'print the last CID only' },
    { names: ['no-stream'], kind: 'switch', usage: 'print everything at the end' },
    { ...localFlag, usage: 'store the blocks at the peer that is asked only' },
    nameFlag,
    ...factorFlags,
    expiryFlag,
    metadataFlag,
    { names: ['no-pin'], kind: 'switch', usage: 'store the blocks without pinning them' },
    { names: ['wait'], kind: 'switch', usage: 'wait until it is pinned' },
    waitTimeoutFlag,
    { names: ['wrap-with-directory', 'w'], kind: 'switch', usage: 'put everything into one directory' },
    {
      names: ['format'],
      kind: 'text',
      usage: 'unixfs, or car for a CAR file whose blocks are taken as they are',
      fallback: 'unixfs',
      values: ['unixfs', 'car']
    },
    {
      names: ['layout'],
      kind: 'text',
      usage: 'shape of the DAG: balanced or trickle',
      values: ['balanced', 'trickle']
    },
    { names: ['shard'], kind: 'switch', usage: 'spread the content over the cluster in parts with their own holders' },
    { names: ['shard-size'], kind: 'integer', usage: 'most bytes of one part; 0 for what is usual' },
    { names: ['hidden', 'H'], kind: 'switch', usage: 'take files whose name begins with a dot' },
    {
      names: ['chunker', 's'],
      kind: 'text',
      usage: 'how files are cut: size-<bytes>, rabin-<min>-<avg>-<max> or buzhash',
      fallback: 'size-262144'
    },
    { names: ['raw-leaves'], kind: 'switch', usage: 'leaves without a UnixFS wrapper' },
    { names: ['cid-version'], kind: 'integer', usage: '0 or 1; 1 turns on --raw-leaves' },
    { names: ['hash'], kind: 'text', usage: 'hash function; others turn on --cid-version 1', fallback: 'sha2-256' },
    { names: ['nocopy'], kind: 'switch', usage: 'note where the content comes from; for URLs only' }
  ],
  run: ({ client, output, args }) =>
    add(client, output, args.operands, {
      recursive: args.isOn('recursive'),
      quiet: args.isOn('quiet'),
      quieter: args.isOn('quieter'),
      stream: !args.isOn('no-stream'),
      local: args.isOn('local'),
      name: args.text('name'),
      replicationMin: args.integer('replication-min'),
      replicationMax: args.integer('replication-max'),
      allocations: args.text('allocations'),
      expireIn: args.text('expire-in'),
      metadata: args.list('metadata'),
      pin: !args.isOn('no-pin'),
      wait: args.isOn('wait'),
      waitTimeout: args.has('wait-timeout') ? args.text('wait-timeout') : undefined,
      wrapWithDirectory: args.isOn('wrap-with-directory'),
      format: args.text('format'),
      layout: args.text('layout'),
      shard: args.isOn('shard'),
      shardSize: args.integer('shard-size') === 0 ? undefined : args.integer('shard-size'),
      hidden: args.isOn('hidden'),
      chunker: args.text('chunker'),
      rawLeaves: args.isOn('raw-leaves'),
      cidVersion: args.integer('cid-version'),
      hash: args.text('hash'),
      nocopy: args.isOn('nocopy')
    })
}
