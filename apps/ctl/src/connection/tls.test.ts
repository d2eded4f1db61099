import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../recorded.fixture.ts'

const folder = new URL('../../../../packages/testing/vectors/tls/', import.meta.url)
const certificate = new URL('first.cert.pem', folder)
const server = createServer({
  cert: await readFile(certificate),
  key: await readFile(new URL('first.key.pem', folder))
})
server.on('request', (request, response) => {
  const isKnown = request.headers.authorization === `Basic ${btoa('testuser:test:pass')}`
  if (isKnown) response.end('{"version":"1.1.6"}')
  else response.writeHead(401).end('{"code":401,"message":"unauthorized: access denied"}')
})
let host = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  host = `/ip4/127.0.0.1/tcp/${address.port.toString()}`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

describe('an API with TLS', () => {
  const good = ['--basic-auth', 'testuser:test:pass', 'version']

  it('is reached when its certificate is not looked at; credentials turn TLS on', async () => {
    const result = await run(['--host', host, '--no-check-certificate', ...good])
    expect(result).toEqual({ stdout: '1.1.6\n', stderr: '', exit: 0 })
  })

  it('gets the credentials of the environment', async () => {
    const env = { CLUSTER_CREDENTIALS: 'testuser:test:pass' }
    expect((await run(['--host', host, '--no-check-certificate', 'version'], env)).exit).toBe(0)
    const bad = await run(['--host', host, '--no-check-certificate', '--basic-auth', 'testuser', 'version'], env)
    expect(bad).toMatchObject({ exit: 2, stdout: expect.stringContaining('Code: 401\n') as string })
  })

  it('is not trusted otherwise, unless its certificate is named', async () => {
    const refused = await run(['--host', host, ...good])
    expect(refused.exit).toBe(1)
    expect(refused.stdout).toContain(': tls: failed to verify certificate: x509: ')
    const trusted = await run(['--host', host, ...good], { SSL_CERT_FILE: fileURLToPath(certificate) })
    expect(trusted).toEqual({ stdout: '1.1.6\n', stderr: '', exit: 0 })
    const missing = await run(['--host', host, ...good], { SSL_CERT_FILE: '/nonexistent.pem' })
    expect(missing).toMatchObject({ exit: 1, stderr: expect.stringContaining('error creating API client: ') as string })
  })
})
