import { clusterSection, componentSections, formatReference } from '@cluster/config'
import { expect, it } from 'vitest'
import { builtIns } from './built-ins.ts'

const documented = [
  { path: 'cluster', options: clusterSection.describe() },
  ...componentSections.flatMap((kind) =>
    builtIns[kind].map(({ name, config }) => ({ path: `${kind}.${name}`, options: config.describe() }))
  )
]

const intro = `# Configuration

<!-- Made by \`npx nx reference @cluster/peer\` from the options in the code: change them there, then run it again. -->

\`ipfs-cluster-service init\` writes the folder of a peer: \`service.json\` with the sections below, \`identity.json\` with its
peer ID and key, and \`peerstore\` with the addresses of peers to begin with. A running peer writes none of the first two.

- Durations are texts such as \`200ms\`, \`1m30s\` or \`24h0m0s\`; days do not exist.
- A list of addresses may be a single text. Unix sockets are \`/unix/<path>\`.
- Sizes are numbers of bytes, unless the option says that it takes a text such as \`10GB\`.
- Relative paths start at the folder of \`service.json\`.
- A section that is missing altogether has all its defaults, with these exceptions: \`cluster\` must be there, and exactly
  one entry of \`consensus\` and one of \`datastore\`; an API or an informer without an entry does not run; and
  \`allocator.balanced\` means \`["freespace"]\`, as in old files.
- A section that is there but lacks a key means what the column *If left out* says. Where that is \`default\`, the empty
  text, 0, \`false\` and the empty list also keep the default; only durations can be set to \`0s\`.
- Keys and sections that nobody knows are ignored.
- An environment variable wins over the file. Lists are split at commas without trimming, maps are \`key:value,key2:value2\`,
  numbers may be \`0x1f\` or \`1_000\`. A variable that is set to nothing makes lists, maps and texts empty, where the
  file may say so too; for a number or a boolean it is an error. \`init\` writes what it finds in the environment.
- \`CLUSTER_ID\` and \`CLUSTER_PRIVATEKEY\`, which must belong together, win over \`identity.json\`.
- A component of your own stands in its section under the name of its package, or under a path that begins with \`./\`.

`

it('docs/configuration.md is what the options say', async () => {
  const text = intro + formatReference(documented)
  await expect(text).toMatchFileSnapshot('../../../docs/configuration.md')
})

it('every option has a meaning, and a variable of its own', () => {
  const options = documented.flatMap((section) => section.options)
  expect(options.filter(({ description }) => description.trim() === '')).toEqual([])
  const names = options.map(({ env }) => env)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})
