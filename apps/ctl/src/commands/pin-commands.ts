import { PinMode, PinType, pinModeFromString, pinTypeFromString, pinTypeToString, TrackerStatus } from '@cluster/api'
import { loosePinForm, pinToJSON } from '@cluster/wire'
import type { Arguments } from '../command-line/arguments.ts'
import type { CommandContext, CommandGroup } from '../command-line/command.ts'
import { formatPin } from '../format-pin.ts'
import { parseCid, parsePath, pinOptionsOf, type PinFlags } from '../pin-arguments.ts'
import { showResult, type WaitFlags } from '../wait.ts'
import { expiryFlag, metadataFlag, nameFlag, replicationFlags, waitFlags } from './flags.ts'

const { read, print } = loosePinForm.json

/** The pinset. */
export const pinCommands: CommandGroup = {
  name: 'pin',
  usage: 'pin and unpin, and list what is pinned',
  commands: [
    {
      name: 'add',
      usage: 'pin a CID or a path',
      operands: '<CID|Path>',
      description: `Makes a CID, or what a path leads to, part of the pinset. The peers that are to hold it fetch it; the
command does not wait for them unless --wait is given. What is pinned already takes over the options.`,
      flags: [
        ...replicationFlags,
        nameFlag,
        {
          names: ['mode'],
          kind: 'text',
          usage: 'recursive, or direct for one block',
          fallback: 'recursive',
          values: ['recursive', 'direct']
        },
        expiryFlag,
        metadataFlag,
        ...waitFlags
      ],
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        const options = pinOptionsOf(pinFlagsOf(args), Date.now())
        const pin = await client.pinPath(parsePath(args.operands[0] ?? ''), options)
        await showResult(client, output, pin, TrackerStatus.pinned, waitFlagsOf(args))
      }
    },
    {
      name: 'rm',
      usage: 'unpin a CID or a path',
      operands: '<CID|Path>',
      flags: waitFlags,
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        const pin = await client.unpinPath(parsePath(args.operands[0] ?? ''))
        await showResult(client, output, pin, TrackerStatus.unpinned, waitFlagsOf(args))
      }
    },
    {
      name: 'update',
      usage: 'pin something in place of something else',
      operands: '<existing-CID> <new-CID|Path>',
      description: `Pins the new CID with the options of the existing pin, at the same peers. This is fast when both have
much in common. The existing pin stays.`,
      flags: [nameFlag, expiryFlag, ...waitFlags],
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        const [existing = '', path = ''] = args.operands
        const pinUpdate = parseCid(existing, 'parsing from Cid')
        const options = pinOptionsOf({ name: args.text('name'), expireIn: args.text('expire-in') }, Date.now())
        const pin = await client.pinPath(parsePath(path), { ...options, mode: PinMode.recursive, pinUpdate })
        await showResult(client, output, pin, TrackerStatus.pinned, waitFlagsOf(args))
      }
    },
    {
      name: 'ls',
      usage: 'list the pinset, or show one pin of it',
      operands: '[CID]',
      flags: [
        {
          names: ['filter'],
          kind: 'text',
          usage: 'kinds of pins, comma-separated: all, pin, meta-pin, clusterdag-pin, shard-pin',
          fallback: 'all',
          values: ['all', 'pin', 'meta-pin', 'clusterdag-pin', 'shard-pin']
        }
      ],
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        const [cid] = args.operands
        if (cid === undefined) {
          // The reference prints pins without a CID as well, which the typed listing refuses.
          const query = { filter: filterOf(args.text('filter')) }
          await output.printEach(client.stream('Allocations', read, { query }), formatPin, print)
        } else {
          output.print(await client.allocation(parseCid(cid)), formatPin, pinToJSON)
        }
      }
    }
  ]
}

/** The flags of a pin that are there. */
export function pinFlagsOf(args: Arguments): PinFlags {
  return {
    replication: args.integer('replication'),
    replicationMin: args.integer('replication-min'),
    replicationMax: args.integer('replication-max'),
    allocations: args.text('allocations'),
    name: args.text('name'),
    mode: pinModeFromString(args.text('mode')) === PinMode.direct ? 'direct' : 'recursive',
    expireIn: args.text('expire-in'),
    metadata: args.list('metadata')
  }
}

function waitFlagsOf(args: Arguments): WaitFlags {
  return {
    wait: args.isOn('wait'),
    waitLimit: args.has('wait-limit') ? args.integer('wait-limit') : undefined,
    waitTimeout: args.has('wait-timeout') ? args.text('wait-timeout') : undefined,
    status: !args.isOn('no-status')
  }
}

/** Names that are unknown are left out, as ever; nothing of them is left: everything. */
function filterOf(filter: string): string {
  const given = new Set(filter.split(',').map((name) => pinTypeFromString(name.trim())))
  const kinds = [PinType.data, PinType.meta, PinType.clusterDag, PinType.shard]
  const types = kinds.filter((kind) => given.has(kind))
  return given.has(PinType.all) || types.length === kinds.length ? 'all' : types.map(pinTypeToString).join()
}
