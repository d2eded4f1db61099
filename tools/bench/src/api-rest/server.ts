import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { getRequestListener } from '@hono/node-server'
import { createAdder } from '@cluster/adder'
import {
  DEFAULT_ADD_PARAMS,
  type AddTarget,
  type Cluster,
  type FileEntry,
  type ID,
  type Pages,
  type Pin
} from '@cluster/api'
import { RestApi, restApiConfig } from '@cluster/api-rest'
import { readUpload } from '@cluster/http'
import { LoneCluster, testContext } from '@cluster/testing'
import { idToJSON } from '@cluster/wire'
import { multiaddr } from '@multiformats/multiaddr'
import { Hono } from 'hono'
import { usedBytes } from '../pintracker/tracker-bench.ts'
import { manyPins } from './many-pins.ts'
import { PINS, type ServerRole } from './role.ts'

/** A process of its own: serves, says its port in one line, and ends with its standard input. */
const model = new LoneCluster()
const id: ID = await model.members.id({})
const adder = createAdder()

/** Takes everything and keeps nothing. */
const nowhere: AddTarget = {
  self: model.self,
  blockAllocate: () => Promise.resolve([model.self]),
  blockStream: async (_peer, blocks) => {
    const iterator = blocks[Symbol.asyncIterator]()
    while ((await iterator.next()).done !== true);
  },
  pin: (pin) => Promise.resolve(pin),
  getPin: () => Promise.resolve(undefined),
  unpin: () => Promise.resolve()
}

const role = process.argv[2] as ServerRole

/** All pins; what is held while they are listed is looked at after a collection each time. */
async function* watchedPins(): Pages<Pin> {
  const before = usedBytes()
  let held = 0
  yield* manyPins(PINS, () => {
    held = Math.max(held, usedBytes() - before)
  })
  process.stdout.write(`${held}\n`)
}

const cluster: Cluster = {
  pins: { ...model.pins, list: () => (role === 'api-held' ? watchedPins() : manyPins(PINS)) },
  members: { ...model.members, id: () => Promise.resolve(id) },
  content: { ...model.content, add: (entries, params, options) => adder.add(entries, params, nowhere, options) },
  statuses: model.statuses,
  health: model.health
}

async function* entriesOf(upload: ReturnType<typeof readUpload>): AsyncGenerator<FileEntry, void, undefined> {
  for await (const { path, body } of upload) yield { type: 'file', path, content: body }
}

const bareAdd: RequestListener = (request, response) => {
  const upload = readUpload({ body: request, contentType: request.headers['content-type'] })
  const adding = async (): Promise<void> => {
    const events = adder.add(entriesOf(upload), DEFAULT_ADD_PARAMS, nowhere, {})
    while ((await events.next()).done !== true);
    response.end()
  }
  adding().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    response.destroy()
  })
}

function bareHono(): RequestListener {
  const body = `${idToJSON(id)}\n`
  const app = new Hono()
  app.get('/id', () => new Response(body, { headers: { 'Content-Type': 'application/json' } }))
  const listener = getRequestListener(app.fetch)
  return (request, response) => {
    void listener(request, response)
  }
}

if (role === 'api' || role === 'api-held') {
  const config = { ...restApiConfig.defaults, httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')] }
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const quiet = { ...log, child: () => quiet }
  const api = new RestApi({ ...testContext(), log: quiet, cluster }, config)
  await api.beforeStart()
  await api.start()
  process.stdout.write(`${api.addresses[0]?.getComponents()[1]?.value ?? ''}\n`)
  await ended()
  await api.stop()
} else {
  const server = createServer(role === 'bare-add' ? bareAdd : bareHono())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? String(address?.port) : ''}\n`)
  await ended()
  server.closeAllConnections()
  server.close()
}

async function ended(): Promise<void> {
  await once(createInterface({ input: process.stdin }), 'close')
}
