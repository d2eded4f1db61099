import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import { parseMultiaddr } from '@cluster/config'
import { builtIns, initFolder, peerFiles, randomPorts } from '@cluster/peer'
import { existsSync } from 'node:fs'
import { attempt, Failure } from './failure.ts'
import { confirm, readLine } from './prompt.ts'

/** The options of `init`. */
export interface InitCommandOptions {
  readonly consensus: string
  readonly datastore: string
  readonly ipfs: string
  readonly customSecret?: boolean | undefined
  readonly peers?: string | undefined
  readonly force?: boolean | undefined
  readonly randomports?: boolean | undefined
}

/** `ipfs-cluster-service init`: writes the folder of a new peer. */
export async function init(baseDir: string, options: InitCommandOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const peers = await attempt('parsing peer multiaddress', () => parsePeers(options.peers ?? ''))
  const { service } = peerFiles(baseDir)
  if (existsSync(service) && options.force !== true) {
    if (!(await confirm('The configuration file will be overwritten. Continue? [y/n]:'))) return
  }
  const secret = options.customSecret === true ? await askForSecret() : undefined
  const { consensus, datastore, ipfs } = options
  const overrides = options.randomports === true ? await attempt('randomizing ports', () => randomPorts(builtIns)) : {}
  const done = await attempt('saving default configuration', () =>
    initFolder({
      baseDir,
      choices: { consensus, datastore, ipfs_connector: ipfs },
      secret,
      peers,
      overrides,
      env,
      builtIns
    })
  )
  say(`configuration written to ${done.servicePath}.`)
  if (done.newIdentity) say(`new identity written to ${done.identityPath}`)
  const entries = peers.length.toString()
  say(
    peers.length === 0
      ? `new empty peerstore written to ${done.peerstorePath}.`
      : `peerstore written to ${done.peerstorePath} with ${entries} entries.`
  )
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function askForSecret(): Promise<string> {
  return (await readLine('Enter cluster secret (32-byte hex string): '))?.trim() ?? ''
}

function parsePeers(list: string): { id: PeerId; address: string }[] {
  if (list === '') return []
  return list.split(',').map((item) => {
    const address = parseMultiaddr(item.trim()).toString()
    const id = /\/p2p\/([^/]+)$/.exec(address)?.[1]
    if (id === undefined)
      throw new Failure('parsing peer multiaddress', `${item}: expected a peer ID at its end, as /p2p/<id>`)
    return { id: peerIdFromString(id), address }
  })
}
