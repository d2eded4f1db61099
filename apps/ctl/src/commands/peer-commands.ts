import type { ServiceState } from '@cluster/api'
import { globalRepoGcToJSON, idToJSON, peerServiceToJSON, versionToJSON } from '@cluster/wire'
import type { CommandContext, CommandGroup, LeafCommand } from '../command-line/command.ts'
import { formatId } from '../format-id.ts'
import { formatService } from '../format-upkeep.ts'
import { parsePeer } from '../pin-arguments.ts'
import { formatRepoGC } from '../text/format-repo-gc.ts'
import { dryRunFlag, localFlag } from './flags.ts'
import { showMoves } from './moves.ts'

export const idCommand: LeafCommand = {
  name: 'id',
  usage: 'show the peer that is asked',
  run: async ({ client, output }: CommandContext): Promise<void> => {
    output.print(await client.id(), formatId, idToJSON)
  }
}

export const versionCommand: LeafCommand = {
  name: 'version',
  usage: 'show the version of the peer that is asked',
  run: async ({ client, output }: CommandContext): Promise<void> => {
    output.print(await client.version(), ({ version }) => `${version}\n`, versionToJSON)
  }
}

export const ipfsCommands: CommandGroup = {
  name: 'ipfs',
  usage: 'look after the IPFS daemons',
  commands: [
    {
      name: 'gc',
      usage: 'remove blocks that nothing pins',
      flags: [localFlag],
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        output.print(await client.repoGC({ local: args.isOn('local') }), formatRepoGC, globalRepoGcToJSON)
      }
    }
  ]
}

/** The peers; those of the reference know `ls` and `rm` only. */
export const peerCommands: CommandGroup = {
  name: 'peers',
  usage: 'the peers of the cluster',
  commands: [
    {
      name: 'ls',
      usage: 'list them',
      run: ({ client, output }) => output.printEach(client.peers(), formatId, idToJSON)
    },
    {
      name: 'rm',
      usage: 'remove one from the cluster',
      operands: '<peer ID>',
      run: ({ client, args }) => client.peerRemove(parsePeer(args.operands[0] ?? ''))
    },
    {
      name: 'services',
      usage: 'list those that take no new pins, and those that are being emptied',
      run: ({ client, output }) => output.printEach(client.services(), formatService, peerServiceToJSON)
    },
    setting('cordon', 'cordoned', 'give one no new pins; it keeps those it has'),
    setting('uncordon', 'active', 'let one take new pins again'),
    {
      name: 'drain',
      usage: 'give all pins of one to others, and no new ones to it',
      operands: '<peer ID>',
      flags: [dryRunFlag],
      run: ({ client, output, args }: CommandContext): Promise<void> => {
        const peer = parsePeer(args.operands[0] ?? '')
        return showMoves(output, client.drain(peer, { dryRun: args.isOn('dry-run') }))
      }
    },
    {
      name: 'replace',
      usage: 'give all pins of one, which may be lost, to another one',
      operands: '<old peer ID> <new peer ID>',
      flags: [dryRunFlag],
      run: ({ client, output, args }: CommandContext): Promise<void> => {
        const [old = '', by = ''] = args.operands
        const moves = client.replace(parsePeer(old), parsePeer(by), { dryRun: args.isOn('dry-run') })
        return showMoves(output, moves)
      }
    }
  ]
}

function setting(name: string, state: ServiceState, usage: string): LeafCommand {
  return {
    name,
    usage,
    operands: '<peer ID>',
    run: async ({ client, output, args }: CommandContext): Promise<void> => {
      const service = await client.setService(parsePeer(args.operands[0] ?? ''), state)
      output.print(service, formatService, peerServiceToJSON)
    }
  }
}
