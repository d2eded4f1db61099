import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { folderOf, loggingOf } from './global-options.ts'

describe('the options in front of the command', () => {
  it('name the folder: flag, environment, home', () => {
    const env = { IPFS_CLUSTER_PATH: '/srv/peer', HOME: '/home/somebody' }
    expect(folderOf({ config: 'here' }, env)).toBe(resolve('here'))
    expect(folderOf({}, env)).toBe('/srv/peer')
    expect(folderOf({}, { HOME: '/home/somebody' })).toBe('/home/somebody/.ipfs-cluster')
    expect(folderOf({}, { HOME: '' })).toBe(join(homedir(), '.ipfs-cluster'))
    expect(folderOf({}, { IPFS_CLUSTER_PATH: '' })).toBe(process.cwd())
  })

  it('refuse levels that cannot be read', async () => {
    await expect(loggingOf({ loglevel: 'a:b:c' }, {})).rejects.toThrow('log level not in expected format')
    await expect(loggingOf({ loglevel: 'a:b:c', debug: true }, {})).resolves.toBeDefined()
  })
})
