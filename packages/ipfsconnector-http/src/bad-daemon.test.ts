import { IPFSPinStatus, type NodeWithMeta, pinOf } from '@cluster/api'
import { blockNodes, type KuboScript, settle } from '@cluster/testing'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { KuboIpfs } from './kubo-ipfs.ts'
import { blockOf, setUp, until } from './kubo.fixture.ts'

const { cid } = blockOf('x')
const text = cid.toString()
/** Every call that a peer makes. */
const calls: readonly (readonly [string, (ipfs: KuboIpfs) => Promise<unknown>])[] = [
  ['id', (ipfs) => ipfs.id({})],
  ['pin/ls', (ipfs) => ipfs.pinLsCid(pinOf(cid), {})],
  ['pin/ls', (ipfs) => Array.fromAsync(ipfs.pinLs(['recursive', 'direct'], {}))],
  ['pin/add', (ipfs) => ipfs.pin(pinOf(cid), {})],
  ['pin/rm', (ipfs) => ipfs.unpin(cid, {})],
  ['block/put', (ipfs) => ipfs.blockStream(blockNodes(blockOf('x')), {})],
  ['block/get', (ipfs) => ipfs.blockGet(cid, {})],
  ['repo/stat', (ipfs) => ipfs.repoStat({})],
  ['repo/gc', (ipfs) => Array.fromAsync(ipfs.repoGC({}))],
  ['resolve', (ipfs) => ipfs.resolve('/ipns/x', {})],
  ['swarm/peers', (ipfs) => ipfs.swarmPeers({})]
]

const limits = { ipfsRequestTimeoutMs: 5000, pinTimeoutMs: 5000, unpinTimeoutMs: 5000, repogcTimeoutMs: 5000 }

describe.each(calls)('%s of a daemon that misbehaves', (call, ask) => {
  const fails = async (script: KuboScript, message: RegExp): Promise<void> => {
    const { kubo, ipfs } = await setUp()
    kubo.script(call, script)
    await expect(ask(ipfs)).rejects.toMatchObject({ code: 'IPFS', message: expect.stringMatching(message) as string })
  }

  it('fails with what Kubo says', () =>
    fails(
      (_request, response) => {
        response.writeHead(500).end('{"Message":"merkledag: not found","Code":0,"Type":"error"}')
      },
      new RegExp(`^IPFS error \\(${call}.*\\)\\. Code: 500\\. Message: merkledag: not found$`)
    ))

  it('fails with the page of a proxy', () =>
    fails(
      (_request, response) => {
        response.writeHead(502).end('<html>Bad Gateway</html>')
      },
      new RegExp(`^IPFS request failed \\(is it running\\?\\) \\(${call}.*\\)\\. Code 502: <html>Bad Gateway</html>$`)
    ))

  it('fails when the connection breaks before the answer', () =>
    fails((request) => {
      request.socket.destroy()
    }, /^IPFS request failed \(is it running\?\) \(.*\): /))

  it('fails when the answer is longer than any', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script(call, (_request, response) => {
      response.writeHead(500)
      const page = Buffer.alloc(1 << 16, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(page));
      }
      response.on('drain', more)
      more()
    })
    await expect(ask(ipfs)).rejects.toMatchObject({ code: 'LIMIT' })
  })

  it('fails when the connection breaks in the middle of an answer', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script(call, (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"', () => request.socket.destroy())
    })
    await expect(ask(ipfs)).rejects.toMatchObject({
      code: 'IPFS',
      message: expect.stringMatching(/^IPFS broke off its answer \(.*\): /) as string
    })
  })

  it('fails within its limit when the rest of an answer does not come', async () => {
    const { kubo, ipfs, clock } = await setUp(limits)
    let begun = false
    kubo.script(call, (request, response) => {
      request.resume()
      response.writeHead(200)
      response.write('{"', () => (begun = true))
    })
    const failed = expect(ask(ipfs)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await until(() => begun)
    await clock.advance(5000)
    await failed
  })

  it('fails within its limit when there is no answer', async () => {
    const { kubo, ipfs, clock } = await setUp(limits)
    let asked = false
    kubo.script(call, () => (asked = true))
    const failed = expect(ask(ipfs)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await until(() => asked)
    await clock.advance(5000)
    await failed
  })
})

const answered: readonly (readonly [string, string, string, (ipfs: KuboIpfs) => Promise<unknown>])[] = calls
  .filter(([call]) => call !== 'block/get' && call !== 'pin/rm')
  .flatMap(([call, ask]) => [
    [call, 'HTML', '<html></html>', ask] as const,
    [call, 'something else', '{"Cid":7,"ID":7,"Pins":7,"Key":7,"Path":7,"Peers":7}', ask] as const,
    [call, 'nonsense', '[]', ask] as const
  ])

describe('a daemon that answers otherwise', () => {
  it('IP-6: takes an answer in another encoding of the CID, not one about other content', async () => {
    const { kubo, ipfs } = await setUp()
    const answer = (found: CID): void => {
      kubo.script('pin/ls', (_request, response) => {
        response.end(`{"Cid":"${found.toString()}","Type":"recursive"}\n`)
      })
    }
    answer(CID.createV1(0x70, cid.multihash))
    expect(await ipfs.pinLsCid(pinOf(cid), {})).toBe(IPFSPinStatus.recursive)
    const other = blockOf('other').cid
    answer(other)
    const message = new RegExp(`^IPFS answered about ${other.toString()} \\(pin/ls`)
    await expect(ipfs.pinLsCid(pinOf(cid), {})).rejects.toThrow(message)
    await expect(ipfs.pin(pinOf(cid), {})).rejects.toMatchObject({ code: 'IPFS' })
  })

  it('does not take the pin of other content for its own', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('pin/add', (_request, response) => {
      response.end(`{"Pins":["${blockOf('other').cid.toString()}"]}\n`)
    })
    await expect(ipfs.pin(pinOf(cid), {})).rejects.toThrow(/without saying that it is pinned$/)
  })

  it.each([
    ['id', '{"ID":"nobody","Addresses":[]}', 'a peer ID that is none: nobody', calls[0]?.[1]],
    ['swarm/peers', '{"Peers":[{"Peer":"nobody"}]}', 'a peer ID that is none: nobody', calls[10]?.[1]],
    ['pin/ls', '{"Cid":"nothing","Type":"recursive"}', 'a CID that is none: nothing', calls[2]?.[1]],
    ['repo/gc', '{"Key":{"/":"nothing"}}', 'a CID that is none: nothing', calls[8]?.[1]],
    ['resolve', '{"Path":"/ipfs/nothing"}', 'a CID that is none: nothing', calls[9]?.[1]]
  ])('%s: names what %s has wrong', async (call, body, message, ask) => {
    const { kubo, ipfs } = await setUp()
    kubo.script(call, (_request, response) => {
      response.end(`${body}\n`)
    })
    await expect(ask?.(ipfs)).rejects.toMatchObject({ code: 'IPFS', message: `IPFS answered with ${message}` })
  })

  it('breaks a list off that is one line without an end', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('pin/ls', (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 16, '0')));
      }
      response.on('drain', more)
      more()
    })
    await expect(Array.fromAsync(ipfs.pinLs(['recursive'], {}))).rejects.toMatchObject({ code: 'LIMIT' })
  })

  it('fails a pin whose progress is always the same', async () => {
    const { kubo, ipfs, clock } = await setUp(limits)
    let said = 0
    kubo.script('pin/add', (_request, response) => {
      const say = (): void => {
        said += 1
        if (!response.destroyed) response.write('{"Progress":7}\n', () => setImmediate(say))
      }
      say()
    })
    const failed = expect(ipfs.pin(pinOf(cid), {})).rejects.toThrow('pin operation timed out: no progress for 5s')
    await until(() => said > 3)
    await clock.advance(5000)
    await clock.advance(5000)
    await failed
  })

  it.each(answered)('%s: fails on %s', async (call, _what, body, ask) => {
    const { kubo, ipfs } = await setUp()
    kubo.script(call, (_request, response) => {
      response.end(`${body}\n`)
    })
    await expect(ask(ipfs)).rejects.toMatchObject({ code: 'IPFS' })
  })

  it.each([
    ['pin/add', `{"Progress":1}\n{"Progress":3}\n`, calls[3]?.[1]],
    ['pin/ls', `{"Cid":"${text}","Type":"recursive"}\n`, calls[2]?.[1]],
    ['repo/gc', `{"Key":{"/":"${text}"}}\n`, calls[8]?.[1]],
    ['block/put', `{"Key":"${text}","Size":1}\n`, calls[5]?.[1]]
  ])('NX-3: %s: fails with the error behind an answer', async (call, body, ask) => {
    const { kubo, ipfs } = await setUp()
    kubo.script(call, (request, response) => {
      request.resume()
      response.writeHead(200, { trailer: 'X-Stream-Error' })
      response.write(body)
      response.addTrailers({ 'X-Stream-Error': 'pin: invalid majorByte: 0xff' })
      response.end()
    })
    await expect(ask?.(ipfs)).rejects.toThrow(/^IPFS error \(.*\)\. Code: 200\. Message: pin: invalid majorByte: 0xff$/)
    kubo.script(call, (request, response) => {
      request.resume()
      response.end(`${body}{"Message":"late","Code":0,"Type":"error"}\n`)
    })
    await expect(ask?.(ipfs)).rejects.toThrow(/Message: late$/)
    kubo.script(call, (request, response) => {
      request.resume()
      response.write(body, () => request.socket.destroy())
    })
    await expect(ask?.(ipfs)).rejects.toThrow(/^IPFS broke off its answer/)
  })

  it('does not take the end of a pin without a word for success', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('pin/add', (_request, response) => {
      response.end('{"Progress":1}\n{"Pins":null}\n')
    })
    await expect(ipfs.pin(pinOf(cid), {})).rejects.toThrow(/without saying that it is pinned$/)
  })

  it('tells how many blocks were not confirmed, and warns of others', async () => {
    const { kubo, ipfs, context } = await setUp()
    kubo.script('block/put', (request, response) => {
      request.resume()
      request.on('end', () => response.end(`{"Key":"${blockOf('other').cid.toString()}","Size":1}\n`))
    })
    const put = ipfs.blockStream(blockNodes(blockOf('a'), blockOf('b')), {})
    await expect(put).rejects.toThrow(/^IPFS confirmed 1 of 2 blocks/)
    expect(context.lines.map((line) => line.text)).toEqual([
      expect.stringMatching(/^blockPut response CID \(.*\) does not match the multihash of any blocks sent$/)
    ])
  })

  it('ends a stream of blocks that the daemon refuses, and lets go of its source', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('block/put', (_request, response) => {
      response.writeHead(500).end('{"Message":"no space left on device","Code":0,"Type":"error"}')
    })
    const closed = Promise.withResolvers<undefined>()
    async function* endless(): AsyncGenerator<NodeWithMeta> {
      try {
        for (let n = 0; ; n++) {
          await settle()
          const block = blockOf(n.toString())
          yield { cid: block.cid, data: block.bytes, cumSize: 0n }
        }
      } finally {
        closed.resolve(undefined)
      }
    }
    await expect(ipfs.blockStream(endless(), {})).rejects.toThrow(/no space left on device$/)
    await closed.promise
  })

  it('ends a stream that the daemon refuses while its source waits', async () => {
    const { kubo, ipfs } = await setUp()
    const gone = Promise.withResolvers<undefined>()
    kubo.script('block/put', (request, response) => {
      request.on('error', () => undefined)
      request.socket.on('close', () => {
        gone.resolve(undefined)
      })
      response.writeHead(500).end('{"Message":"read-only","Code":0,"Type":"error"}')
    })
    async function* stuck(): AsyncGenerator<NodeWithMeta> {
      yield* blockNodes(blockOf('first'))
      await new Promise(() => undefined)
    }
    await expect(ipfs.blockStream(stuck(), {})).rejects.toThrow(/read-only$/)
    await gone.promise
  })

  it('gives the reader of a list all the time it wants, the daemon not', async () => {
    const { kubo, ipfs, clock } = await setUp({ ipfsRequestTimeoutMs: 5000 })
    let more: (() => void) | undefined
    kubo.script('pin/ls', (_request, response) => {
      response.write(`{"Cid":"${text}","Type":"recursive"}\n`)
      more = () => response.write(`{"Cid":"${text}","Type":"recursive"}\n`)
    })
    const pages = ipfs.pinLs(['recursive'], {})[Symbol.asyncIterator]()
    expect((await pages.next()).value).toHaveLength(1)
    await clock.advance(60_000)
    more?.()
    expect((await pages.next()).value).toHaveLength(1)
    const failed = expect(pages.next()).rejects.toMatchObject({ code: 'TIMEOUT' })
    await clock.advance(5000)
    await failed
  })

  it('gives a source of blocks all the time it wants', async () => {
    const { ipfs, clock } = await setUp({ ipfsRequestTimeoutMs: 5000 })
    const next = Promise.withResolvers<undefined>()
    async function* slow(): AsyncGenerator<NodeWithMeta> {
      yield* blockNodes(blockOf('first'))
      await next.promise
      yield* blockNodes(blockOf('second'))
    }
    const put = ipfs.blockStream(slow(), {})
    await until(() => clock.pending > 0)
    await clock.advance(60_000)
    next.resolve(undefined)
    await put
  })

  it('refuses a block that is another', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('block/get', (_request, response) => {
      response.end('something else')
    })
    await expect(ipfs.blockGet(cid, {})).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('keeps the errors of single blocks of a collection', async () => {
    const { kubo, ipfs } = await setUp()
    kubo.script('repo/gc', (_request, response) => {
      response.end(`{"Key":null,"Error":"cannot delete"}\n{"Key":{"/":"${text}"}}\n`)
    })
    expect(await Array.fromAsync(ipfs.repoGC({}))).toEqual([
      { key: undefined, error: 'cannot delete' },
      { key: cid, error: '' }
    ])
  })
})
