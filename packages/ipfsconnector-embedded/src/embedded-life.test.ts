import { once } from 'node:events'
import { createServer } from 'node:net'
import { IPFSPinStatus, pinOf } from '@cluster/api'
import { blockNodes, MemoryExchangeHub, memoryLogger } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blockOf, makePeer, startPeer, until } from './embedded.fixture.ts'

describe('the life of EmbeddedIpfs', () => {
  it('keeps pins and blocks over a restart', async () => {
    const hub = new MemoryExchangeHub()
    const first = await makePeer(hub)
    await first.ipfs.beforeStart()
    first.ipfs.start()
    const block = blockOf('lasting')
    await first.ipfs.blockStream(blockNodes(block), {})
    await first.ipfs.pin(pinOf(block.cid), {})
    await first.ipfs.stop({})
    const { ipfs } = await startPeer(new MemoryExchangeHub(), {}, first)
    expect(await ipfs.pinLsCid(pinOf(block.cid), {})).toBe(IPFSPinStatus.recursive)
    expect(Buffer.from(await ipfs.blockGet(block.cid, {}))).toEqual(Buffer.from(block.bytes))
  })

  it('is ready once started, and says so when it never will be', async () => {
    const { ipfs } = await makePeer(new MemoryExchangeHub())
    await expect(ipfs.id({})).rejects.toMatchObject({ code: 'NOT_READY' })
    await expect(ipfs.ready({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    const waiting = ipfs.ready({})
    await ipfs.beforeStart()
    ipfs.start()
    await waiting
    await ipfs.stop({})
    await expect(ipfs.id({})).rejects.toMatchObject({ code: 'STOPPED' })
    const never = await makePeer(new MemoryExchangeHub())
    const hopeless = expect(never.ipfs.ready({})).rejects.toMatchObject({ code: 'STOPPED' })
    await never.ipfs.stop({})
    await hopeless
  })

  it('serves a gateway, which fetches from other peers and gives up in time', async () => {
    const hub = new MemoryExchangeHub()
    const other = await startPeer(hub)
    const gatewayListenMultiaddress = [multiaddr('/ip4/127.0.0.1/tcp/0')]
    const { ipfs, context } = await startPeer(hub, { gatewayListenMultiaddress, gatewayTimeoutMs: 1000 })
    const [, base] = /(http:\S+)\/ipfs\/$/.exec(context.lines.at(-1)?.text ?? '') ?? []
    const block = blockOf('seen in a browser')
    await other.ipfs.blockStream(blockNodes(block), {})
    const answer = await fetch(`${base ?? ''}/ipfs/${block.cid.toString()}`)
    expect([answer.status, await answer.text()]).toEqual([200, 'seen in a browser'])
    const asking = fetch(`${base ?? ''}/ipfs/${blockOf('nowhere').cid.toString()}`)
    await until(() => context.clock.pending > 0)
    await context.clock.advance(1000)
    const late = await asking
    expect(late.status).toBe(504)
    expect(await late.text()).toContain('within 1s')
    await ipfs.stop({})
    await expect(fetch(`${base ?? ''}/ipfs/x`)).rejects.toThrow()
  })

  it('names the option when the gateway cannot listen, and leaves nothing open', async () => {
    const busy = createServer().listen(0, '127.0.0.1')
    await once(busy, 'listening')
    onTestFinished(() => void busy.close())
    const { port } = busy.address() as { port: number }
    const gatewayListenMultiaddress = [multiaddr(`/ip4/127.0.0.1/tcp/${port.toString()}`)]
    const peer = await makePeer(new MemoryExchangeHub(), { gatewayListenMultiaddress })
    await expect(peer.ipfs.beforeStart()).rejects.toMatchObject({
      code: 'BUSY',
      message: `ipfs_connector.embedded.gateway_listen_multiaddress: cannot listen on 127.0.0.1:${port.toString()}: the address is in use`
    })
    await peer.ipfs.stop({})
    await startPeer(new MemoryExchangeHub(), {}, peer)
  })

  it('logs through the context', async () => {
    const log = memoryLogger()
    const gatewayListenMultiaddress = [multiaddr('/ip4/127.0.0.1/tcp/0')]
    await startPeer(new MemoryExchangeHub(), { gatewayListenMultiaddress }, undefined, { log })
    expect(log.lines.map(({ text }) => text)).toEqual([expect.stringMatching(/^gateway listens on http:\/\/127/)])
  })
})
