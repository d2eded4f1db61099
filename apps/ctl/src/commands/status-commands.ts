import { TrackerStatus, trackerStatusFromString, type GlobalPinInfo } from '@cluster/api'
import { globalPinInfoToJSON } from '@cluster/wire'
import { suggestionFor } from '../command-line/suggestion.ts'
import type { CommandContext, LeafCommand } from '../command-line/command.ts'
import { Failure } from '../failure.ts'
import { formatStatus } from '../format-status.ts'
import { parseCid } from '../pin-arguments.ts'
import { watch } from '../watch.ts'
import { localFlag } from './flags.ts'

/** All but `undefined`, by which nothing can be found. */
const STATUSES = Object.keys(TrackerStatus)
  .filter((name) => name !== 'undefined')
  .map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))

/** What became of the pinset. */
export const statusCommands: readonly LeafCommand[] = [
  {
    name: 'status',
    usage: 'show what the peers have made of the pinset, or of some CIDs',
    operands: '[CID...]',
    description: `Statuses: ${STATUSES.slice(0, 8).join(', ')},
${STATUSES.slice(8).join(', ')}.`,
    flags: [
      localFlag,
      {
        names: ['filter'],
        kind: 'text',
        usage: 'only pins with one of these statuses, comma-separated; without CIDs only',
        values: STATUSES
      },
      {
        names: ['watch'],
        kind: 'switch',
        usage: 'go on showing it: on a terminal the whole, else what changes; Ctrl-C ends it'
      }
    ],
    run: async ({ client, output, args }: CommandContext): Promise<void> => {
      const cids = args.operands.map((text) => parseCid(text))
      const filter = statusesOf(args.text('filter'))
      const local = args.isOn('local')
      const all = (signal?: AbortSignal) => {
        const abort = signal === undefined ? {} : { signal }
        return client.statusAll({ local, ...(cids.length === 0 ? { filter } : { cids }), ...abort })
      }
      const [first, second] = cids
      const format = (info: GlobalPinInfo): string => formatStatus(info, output.paint)
      if (args.isOn('watch')) await watch(all, output)
      else if (first !== undefined && second === undefined) {
        output.print(await client.status(first, { local }), format, globalPinInfoToJSON)
      } else await output.printEach(all(), format, globalPinInfoToJSON)
    }
  },
  {
    name: 'recover',
    usage: 'try again what failed',
    operands: '[CID]',
    flags: [localFlag],
    run: async ({ client, output, args }: CommandContext): Promise<void> => {
      const [cid] = args.operands
      const local = args.isOn('local')
      const format = (info: GlobalPinInfo): string => formatStatus(info, output.paint)
      if (cid === undefined) await output.printEach(client.recoverAll({ local }), format, globalPinInfoToJSON)
      else output.print(await client.recover(parseCid(cid), { local }), format, globalPinInfoToJSON)
    }
  }
]

function statusesOf(filter: string): TrackerStatus {
  const statuses = trackerStatusFromString(filter)
  if (filter !== '' && statuses === TrackerStatus.undefined) {
    const meant = suggestionFor(filter.trim(), STATUSES)
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`
    throw new Failure('parsing filter flag', `invalid filter name${hint}`)
  }
  return statuses
}
