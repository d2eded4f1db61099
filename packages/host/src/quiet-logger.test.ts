import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ComponentLogger, Logger } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { createHost } from './create-host.ts'

/** Writes down who said what at which level. */
function recorder(): { logger: ComponentLogger; lines: string[] } {
  const lines: string[] = []
  const make = (name: string): Logger => {
    const write = (level: string) => (): void => void lines.push(`${level} ${name}`)
    return Object.assign(write('debug'), {
      error: write('error'),
      trace: () => undefined,
      enabled: true,
      newScope: (scope: string) => make(`${name}:${scope}`)
    })
  }
  return { logger: { forComponent: make }, lines }
}

describe('the log of a host', () => {
  it('tells of a failed dial once, in its own name', async () => {
    const { logger, lines } = recorder()
    const host = await createHost({ privateKey: await generateKeyPair('Ed25519'), listen: [], logger })
    const nobody = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWPT98FXMfDQYavZm66EeVjTqP9Nnehn1gyaydqV8L8BQw'
    await host.importAddress(multiaddr(nobody), { dial: false })
    expect(await host.bootstrap(1, { byPriority: true, force: true })).toEqual([])
    await host.stop()
    expect(lines.filter((line) => line.startsWith('error'))).toEqual(['error cluster:host'])
    expect(lines).toContain('debug libp2p:connection-manager:dial-queue')
  })
})
