import { parseIdentity, type Identity } from '@cluster/config'
import { builtIns, loadPeerConfig, peerFiles, type PeerConfig } from '@cluster/peer'
import { readFile } from 'node:fs/promises'
import { attempt } from './failure.ts'

/** The configuration of a peer's folder, and who the peer is. */
export interface LoadedFolder {
  readonly config: PeerConfig
  readonly identity: Identity
}

/** Reads `service.json` and `identity.json` of a folder, with what the environment changes of them. */
export function loadFolder(baseDir: string, env: NodeJS.ProcessEnv): Promise<LoadedFolder> {
  const { service, identity } = peerFiles(baseDir)
  const hint = `run "ipfs-cluster-service -c ${baseDir} init" first`
  return attempt('loading configurations', async () => {
    const config = await loadPeerConfig(await readOr(service, hint), baseDir, env, builtIns)
    return { config, identity: parseIdentity(await readOr(identity, hint), env) }
  })
}

async function readOr(path: string, hint: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`open ${path}: no such file or directory; ${hint}`, { cause: error })
  }
}
