import { createServer } from 'node:net'

const HOST = '127.0.0.1'

/** The wanted port of the loopback address if it is free, else one that is. */
export async function freePort(wanted: number): Promise<number> {
  return (await probe(wanted)) ?? (await probe(0)) ?? fail()
}

function probe(port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const server = createServer()
  server.once('error', () => {
    resolve(undefined)
  })
  server.listen(port, HOST, () => {
    const address = server.address()
    server.close(() => {
      resolve(typeof address === 'object' && address !== null ? address.port : undefined)
    })
  })
  return promise
}

function fail(): never {
  throw new Error(`no free port on ${HOST}`)
}
