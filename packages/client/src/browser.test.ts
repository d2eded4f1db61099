import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rolldown } from 'rolldown'
import { expect, it } from 'vitest'
import type * as client from './index.ts'

const ENTRY = '\0entry'

it('is bundled for browsers without a module of Node, and works with what browsers have', async () => {
  const bundle = await rolldown({
    input: ENTRY,
    platform: 'browser',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === ENTRY ? id : undefined),
        load: (id) => (id === ENTRY ? `export * from ${JSON.stringify(`${import.meta.dirname}/index.ts`)}` : undefined)
      }
    ],
    resolve: { conditionNames: ['@cluster/source', 'browser', 'import', 'default'] },
    // What is not found, or is a module of Node, would be left to the browser.
    onLog: (level, log, handle) => {
      handle(log.code === 'UNRESOLVED_IMPORT' ? 'error' : level, log)
    }
  })
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false })
  await bundle.close()
  const [chunk, ...others] = output
  expect(others).toEqual([])
  expect(chunk.imports).toEqual([])
  expect(chunk.dynamicImports).toEqual([])
  expect(chunk.code.match(/.{0,80}(?:["']node:|\brequire\().{0,80}/g) ?? []).toEqual([])
  const size = chunk.code.length / 1024
  expect(size).toBeLessThan(600)

  const server = createServer((_, response) => {
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*' }).end('{"version":"1.1.6"}\n')
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const module = (await import(
      /* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(chunk.code).toString('base64')}`
    )) as typeof client
    const browser = new module.ClusterClient({ url: [`http://127.0.0.1:1`, `http://127.0.0.1:${port}`] })
    expect(await browser.version()).toEqual({ version: '1.1.6' })
    expect(module.defaultTransport().readsTrailers).toBe(false)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
