import { writeFile } from 'node:fs/promises'
import { alertToJSON, bandwidthByProtocolToJSON, consensusHealthToJSON, metricToJSON } from '@cluster/wire'
import { timestampFromMs } from '@cluster/api'
import type { CommandContext, CommandGroup } from '../command-line/command.ts'
import { Failure } from '../failure.ts'
import { formatConsensusHealth } from '../format-consensus-health.ts'
import { dotGraph } from '../text/dot-graph.ts'
import { formatAlerts, formatBandwidth, formatMetrics } from '../text/format-health.ts'

/** How the cluster is. */
export const healthCommands: CommandGroup = {
  name: 'health',
  usage: 'how the peers of the cluster are',
  commands: [
    {
      name: 'graph',
      usage: 'show who is connected to whom, as a DOT file',
      flags: [
        { names: ['file', 'f'], kind: 'text', usage: 'write to this file' },
        {
          names: ['all-ipfs-peers'],
          kind: 'switch',
          usage: 'also IPFS peers that belong to no peer of the cluster'
        }
      ],
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        const dot = dotGraph(await client.connectGraph(), args.isOn('all-ipfs-peers'))
        const file = args.text('file')
        if (file === '') {
          output.write(dot)
          return
        }
        await writeFile(file, dot).catch((error: unknown) => {
          throw new Failure('creating output file', error)
        })
      }
    },
    {
      name: 'metrics',
      usage: 'list the names of metrics, or show the metrics of a name',
      operands: '[metric name]',
      run: async ({ client, output, args }: CommandContext): Promise<void> => {
        const [name] = args.operands
        if (name === undefined) {
          const names = [...(await client.metricNames())].sort()
          output.print(names, (list) => list.map((entry) => `${entry}\n`).join(''), JSON.stringify)
          return
        }
        const now = timestampFromMs(Date.now())
        output.print(await client.metrics(name), (metrics) => formatMetrics(metrics, now), listToJSON(metricToJSON))
      }
    },
    {
      name: 'alerts',
      usage: 'list the latest metrics that were not renewed in time',
      run: async ({ client, output }: CommandContext): Promise<void> => {
        const now = timestampFromMs(Date.now())
        output.print(await client.alerts(), (alerts) => formatAlerts(alerts, now), listToJSON(alertToJSON))
      }
    },
    {
      name: 'bandwidth',
      usage: 'show the traffic of each protocol',
      run: async ({ client, output }: CommandContext): Promise<void> => {
        output.print(await client.bandwidth(), formatBandwidth, (traffic) =>
          traffic === undefined ? 'null' : bandwidthByProtocolToJSON(traffic)
        )
      }
    },
    {
      name: 'consensus',
      usage: 'show where the copy of the pinset of the peer that is asked stands, and why',
      run: async ({ client, output }: CommandContext): Promise<void> => {
        output.print(await client.consensusHealth(), formatConsensusHealth, consensusHealthToJSON)
      }
    }
  ]
}

const listToJSON =
  <T>(toJSON: (item: T) => string) =>
  (items: readonly T[]): string =>
    `[${items.map((item) => toJSON(item)).join()}]`
