import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  pinOf,
  TrackerStatus,
  type Explanation,
  type GlobalPinInfo,
  type Move,
  type PeerService,
  type Pin
} from '@cluster/api'
import { testPeerId } from '@cluster/testing'
import { explanationToJSON, globalPinInfoToJSON, moveToJSON, peerServiceToJSON, pinToJSON } from '@cluster/wire'
import { CID } from 'multiformats/cid'
import { afterEach, describe, expect, it } from 'vitest'
import { ClusterClient, WaitError } from './index.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const cid = CID.parse('QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX')
const pin: Pin = pinOf(cid, { name: 'docs' })
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    void handler(request, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

async function clientOf(handler: Handler, more: object = {}): Promise<ClusterClient> {
  return new ClusterClient({ url: await serve(handler), ...more })
}

/** Answers a stream with an error at its end. */
function stream(response: ServerResponse, lines: readonly string[], error = ''): void {
  response.writeHead(200, { 'Content-Type': 'application/json', Trailer: 'X-Stream-Error' })
  for (const line of lines) response.write(`${line}\n`)
  response.addTrailers({ 'X-Stream-Error': error })
  response.end()
}

const json = (response: ServerResponse, text: string, status = 200): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${text}\n`)
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('requests', () => {
  it('go to the route with its parameters escaped, below the path of the URL', async () => {
    const seen: string[] = []
    const url = await serve((request, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
      json(response, pinToJSON(pin))
    })
    const client = new ClusterClient({ url: `${url}/behind/proxy/` })
    await client.pin(cid, { name: 'a b', replicationFactorMin: 1, replicationFactorMax: 2 })
    await client.pinPath(`/ipfs/${cid.toString()}/a b/ü?.txt/`)
    await client.pinPath(cid.toString())
    await client.unpin(cid)
    await client.unpinPath('/ipns/example.org')
    const options = 'mode=recursive&name=&replication-max=0&replication-min=0&shard-size=0&user-allocations='
    expect(seen).toEqual([
      `POST /behind/proxy/pins/${cid.toString()}?mode=recursive&name=a+b&replication-max=2&replication-min=1&shard-size=0&user-allocations=`,
      `POST /behind/proxy/pins/ipfs/${cid.toString()}/a%20b/%C3%BC%3F.txt?${options}`,
      `POST /behind/proxy/pins/ipfs/${cid.toString()}?${options}`,
      `DELETE /behind/proxy/pins/${cid.toString()}`,
      'DELETE /behind/proxy/pins/ipns/example.org'
    ])
  })

  it('carry credentials and headers', async () => {
    const client = await clientOf(
      ({ headers }, response) => {
        expect(headers).toMatchObject({ authorization: 'Basic YWRtaW46c8O8w58=', 'x-team': 'red' })
        json(response, '{"version":"1.1.6"}')
      },
      { username: 'admin', password: 'süß', headers: { 'x-team': 'red' } }
    )
    expect(await client.version()).toEqual({ version: '1.1.6' })
  })

  it('read where the consensus stands', async () => {
    const client = await clientOf((request, response) => {
      json(response, `{"consensus":"crdt","state":"syncing","reason":"${request.url ?? ''}","sync_done":3}`)
    })
    expect(await client.consensusHealth()).toMatchObject({
      state: 'syncing',
      reason: '/health/consensus',
      syncDone: 3,
      heads: []
    })
  })

  it('name filters as the API does', async () => {
    const seen: (string | undefined)[] = []
    const client = await clientOf((request, response) => {
      seen.push(request.url)
      response.writeHead(204).end()
    })
    await collect(client.statusAll())
    await collect(client.statusAll({ local: true, filter: TrackerStatus.error, cids: [cid] }))
    await collect(client.allocations())
    await collect(client.allocations({ types: [2, 4] }))
    await client.health()
    expect(seen).toEqual([
      '/pins?local=false&filter=&cids=',
      `/pins?local=true&filter=error&cids=${cid.toString()}`,
      '/allocations?filter=all',
      '/allocations?filter=pin%2Cmeta-pin',
      '/health'
    ])
  })
})

describe('errors', () => {
  const failing = async (handler: Handler) => (await clientOf(handler)).id()

  it('of the API carry its status and text', async () => {
    const call = failing((_, response) => {
      json(response, '{"code":404,"message":"pin is not part of the pinset"}', 404)
    })
    await expect(call).rejects.toMatchObject({
      name: 'ApiError',
      code: 'REFUSED',
      status: 404,
      message: 'pin is not part of the pinset'
    })
  })

  it('that are no JSON are shown as they are', async () => {
    const call = failing((_, response) => {
      response.writeHead(502).end('<html>nginx</html>')
    })
    await expect(call).rejects.toMatchObject({
      code: 'REFUSED',
      status: 502,
      message: '<html>nginx</html>'
    })
  })

  it('of the connection have the status 0', async () => {
    const url = await serve(() => undefined)
    await new Promise((resolve) => servers.pop()?.close(resolve))
    await expect(new ClusterClient({ url }).id()).rejects.toMatchObject({ code: 'UNREACHABLE', status: 0 })
  })

  it('of a value of the wrong form say what is wrong', async () => {
    const call = failing((_, response) => {
      json(response, '["no", "object"]')
    })
    await expect(call).rejects.toMatchObject({ code: 'UNEXPECTED', status: 200 })
  })

  it('in the trailer of a stream come after its items', async () => {
    const client = await clientOf((_, response) => {
      stream(response, [pinToJSON(pin)], 'peer went away')
    })
    const items = client.allocations()
    expect((await items.next()).value).toMatchObject({ name: 'docs' })
    await expect(items.next()).rejects.toMatchObject({ code: 'BROKEN', status: 500, message: 'peer went away' })
  })

  it('of a stream that is cut are seen', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200)
      response.write(`${pinToJSON(pin)}\n`)
      setImmediate(() => response.destroy())
    })
    await expect(collect(client.allocations())).rejects.toMatchObject({ code: 'BROKEN', status: 200 })
  })

  it('of an abort are its reason', async () => {
    const asked = Promise.withResolvers<undefined>()
    const client = await clientOf(() => {
      asked.resolve(undefined)
    })
    const abort = new AbortController()
    const call = client.id({ signal: abort.signal })
    await asked.promise
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await expect(client.id({ signal: abort.signal })).rejects.toThrow('enough')
  })
})

describe('listings', () => {
  it('drop the connection when broken off', async () => {
    const dropped = Promise.withResolvers<undefined>()
    const client = await clientOf((_, response) => {
      response.on('close', () => {
        dropped.resolve(undefined)
      })
      response.writeHead(200)
      response.write(`${pinToJSON(pin)}\n${pinToJSON(pin)}\n`)
    })
    for await (const item of client.allocations()) {
      expect(item.name).toBe('docs')
      break
    }
    await dropped.promise
  })

  it('join lines and characters that come in pieces', async () => {
    const line = new TextEncoder().encode(`${pinToJSON({ ...pin, name: 'grün €' })}\n`)
    const client = await clientOf(async (_, response) => {
      response.writeHead(200)
      for (const byte of line) await new Promise((resolve) => response.write(Uint8Array.of(byte), resolve))
      response.end()
    })
    expect((await collect(client.allocations())).map(({ name }) => name)).toEqual(['grün €'])
  })

  it('hold the server back while nobody reads', async () => {
    const line = `${pinToJSON({ ...pin, name: 'x'.repeat(10_000) })}\n`
    const blocked = Promise.withResolvers<undefined>()
    let written = 0
    const client = await clientOf((_, response) => {
      response.writeHead(200)
      const write = (): void => {
        while (written < 200_000_000) {
          written += line.length
          if (response.write(line)) continue
          // The buffers of both machines are full, or will take more soon.
          if (written > 100_000) blocked.resolve(undefined)
          response.once('drain', write)
          return
        }
        blocked.resolve(undefined)
      }
      write()
    })
    const items = client.allocations()
    await items.next()
    await blocked.promise
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(written).toBeLessThan(32_000_000)
    await items.return()
  })

  it('use one connection for many requests', async () => {
    const ports = new Set<number | undefined>()
    const client = await clientOf((request, response) => {
      ports.add(request.socket.remotePort)
      stream(response, [pinToJSON(pin)])
    })
    for (let turn = 0; turn < 5; turn++) expect(await collect(client.allocations())).toHaveLength(1)
    expect(ports.size).toBe(1)
    client.close()
  })
})

describe('upkeep', () => {
  it('asks for moves and decisions by their routes', async () => {
    const seen: string[] = []
    const peer = testPeerId(1)
    const move: Move = { cid, name: '', add: [peer], drop: [], state: 'moved', reason: '', error: '' }
    const service: PeerService = { peer, peername: '', state: 'draining', since: 0n, by: peer }
    const client = await clientOf((request, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`.replaceAll(peer.toString(), 'PEER'))
      const isService = request.url?.includes('/services') === true
      stream(response, [isService ? peerServiceToJSON(service) : moveToJSON(move)])
    })
    expect(await collect(client.services())).toEqual([service])
    expect(await client.setService(peer, 'draining')).toEqual(service)
    expect(await collect(client.repair())).toEqual([move])
    expect(await collect(client.drain(peer, { dryRun: true }))).toEqual([move])
    expect(await collect(client.replace(peer, peer))).toEqual([move])
    expect(await collect(client.rebalance())).toEqual([move])
    expect(seen).toEqual([
      'GET /repair/services',
      'POST /repair/services/PEER?state=draining',
      'POST /repair/run?dry-run=false',
      'POST /repair/drain/PEER?dry-run=true',
      'POST /repair/replace/PEER?by=PEER&dry-run=false',
      'POST /repair/rebalance?dry-run=false'
    ])
  })

  it('asks why, with options only where they are given', async () => {
    const seen: unknown[] = []
    const explanation: Explanation = {
      cid,
      replicationFactorMin: 1,
      replicationFactorMax: 2,
      current: [],
      allocations: [],
      error: '',
      peers: []
    }
    const client = await clientOf((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://host')
      seen.push([pathname, searchParams.get('replication-min'), searchParams.get('replication-max')])
      json(response, explanationToJSON(explanation))
    })
    expect(await client.explain(cid, undefined)).toEqual(explanation)
    await client.explain(undefined, { replicationFactorMin: 1, replicationFactorMax: 2 })
    expect(seen).toEqual([
      [`/repair/explain/${cid.toString()}`, null, null],
      ['/repair/explain', '1', '2']
    ])
  })
})

describe('waitFor', () => {
  const infoOf = (status: TrackerStatus): GlobalPinInfo => {
    const short = { peername: '', ipfsPeerId: undefined, ipfsPeerAddresses: undefined, timestamp: undefined }
    const entry = { ...short, status, error: '', attemptCount: 0, priorityPin: false }
    const common = { name: '', allocations: undefined, origins: undefined, created: undefined, metadata: undefined }
    return { cid, ...common, peerMap: new Map([[testPeerId(1).toString(), entry]]) }
  }
  const { pinned, pinning, pinError } = TrackerStatus

  const wait = async (
    answers: readonly TrackerStatus[],
    options: Parameters<ClusterClient['waitFor']>[1] = {}
  ): Promise<number> => {
    let asked = 0
    const client = await clientOf((_, response) => {
      json(response, globalPinInfoToJSON(infoOf(answers[Math.min(asked++, answers.length - 1)] ?? pinned)))
    })
    await client.waitFor(cid, { intervalMs: 1, ...options })
    return asked
  }

  it('asks until the target is reached', async () => {
    expect(await wait([pinning, pinning, pinned])).toBe(3)
  })

  it('gives up when a peer has failed, with the last good status', async () => {
    const failure: unknown = await wait([pinning, pinError]).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(WaitError)
    const { message, status } = failure as WaitError
    expect(message).toBe('error has occurred while attempting to reach status: pinned')
    expect(status?.peerMap?.values().next().value?.status).toBe(pinning)
  })

  it('stops at an abort, also between two questions', async () => {
    const abort = new AbortController()
    const waiting = wait([pinning], { intervalMs: 3_600_000, signal: abort.signal })
    setImmediate(() => {
      abort.abort(new Error('enough'))
    })
    await expect(waiting).rejects.toThrow('enough')
  })
})
