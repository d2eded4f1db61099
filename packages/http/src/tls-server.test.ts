import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { listen, type ListenTarget } from './listen.ts'
import type { ListenLimits } from './open-server.ts'
import { openTls } from './tls-server.ts'

type Name = 'first' | 'second' | 'ecdsa'
interface ServeInit {
  readonly name?: Name
  readonly limits?: ListenLimits
  readonly unix?: boolean
}

const fixture = (name: Name, part: 'cert' | 'key'): URL =>
  new URL(`../../testing/vectors/tls/${name}.${part}.pem`, import.meta.url)

async function serve({ name = 'first', limits = {}, unix = false }: ServeInit = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const install = async (wanted: Name): Promise<void> => {
    await copyFile(fixture(wanted, 'cert'), files.certFile)
    await copyFile(fixture(wanted, 'key'), files.keyFile)
  }
  await install(name)
  const events: string[] = []
  const createServer = await openTls({
    ...files,
    onReload: () => events.push('reload'),
    onError: ({ message }) => events.push(message)
  })
  const listeners = await listen({
    targets: [unix ? { path: join(folder, 'sock') } : { host: '127.0.0.1', port: 0 }],
    listener: (_, response) => response.end('hello'),
    createServer,
    ...limits
  })
  onTestFinished(() => listeners.stop({ graceMs: 0 }))
  const [target] = listeners.targets
  if (target === undefined) throw new Error('nothing listens')
  return { files, install, events, target, stop: listeners.stop }
}

async function dial(target: ListenTarget, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ ...target, rejectUnauthorized: false, ...options } as ConnectionOptions)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

async function ask(target: ListenTarget, options: ConnectionOptions = {}) {
  const socket = await dial(target, options)
  const [name, protocol, cipher] = [socket.getPeerCertificate().subject.CN, socket.getProtocol(), socket.getCipher()]
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  return { name, protocol, cipher: cipher.name, answer: await text(socket) }
}

test('answers, with the certificate of the files', async () => {
  const { target } = await serve()
  const { name, protocol, answer } = await ask(target)
  expect([name, protocol]).toEqual(['first.example', 'TLSv1.3'])
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*hello/)
})

test('speaks TLS on a Unix socket as well', async () => {
  const { target } = await serve({ unix: true })
  expect((await ask(target)).answer).toMatch(/hello/)
})

test.each([
  ['first', { maxVersion: 'TLSv1.2', ecdhCurve: 'P-521' }, 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['first', { maxVersion: 'TLSv1.2', ecdhCurve: 'P-256', ciphers: 'ECDHE-RSA-AES256-SHA' }, 'ECDHE-RSA-AES256-SHA'],
  ['first', { maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384' }, 'AES256-GCM-SHA384'],
  ['ecdsa', { maxVersion: 'TLSv1.2' }, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['ecdsa', { minVersion: 'TLSv1.3', ecdhCurve: 'P-384' }, 'TLS_AES_256_GCM_SHA384']
] as const)('%s with %j: %s', async (name, options, cipher) => {
  const { target } = await serve({ name })
  expect((await ask(target, options)).cipher).toBe(cipher)
})

test('refuses TLS 1.1', async () => {
  const { target } = await serve()
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await expect(dial(target, old)).rejects.toThrow()
})

test('tells who speaks plain HTTP', async () => {
  const { target } = await serve()
  const socket = connectTcp(target as { port: number; host: string })
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(await text(socket)).toBe('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n')
})

test('uses a changed certificate for new connections, and keeps the last good one', async () => {
  const { target, files, install, events } = await serve()
  const old = await dial(target)
  await install('second')
  expect((await ask(target)).name).toBe('second.example')
  expect(events).toEqual(['reload'])
  await writeFile(files.certFile, 'no certificate')
  expect((await ask(target)).name).toBe('second.example')
  expect((await ask(target)).name).toBe('second.example')
  expect(events).toEqual(['reload', expect.stringContaining('error loading TLS certificate/key: ')])
  await rm(files.keyFile)
  expect((await ask(target)).name).toBe('second.example')
  await install('first')
  expect((await ask(target)).name).toBe('first.example')
  expect(events.at(-1)).toBe('reload')
  old.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(await text(old)).toMatch(/hello/)
})

test.each([
  [
    'missing',
    async (files: { certFile: string }) => {
      await rm(files.certFile)
    },
    'ENOENT'
  ],
  [
    'no PEM',
    async (files: { keyFile: string }) => {
      await writeFile(files.keyFile, 'x')
    },
    'error loading'
  ],
  [
    'too large',
    async (files: { keyFile: string }) => {
      await writeFile(files.keyFile, 'x'.repeat(2 ** 20 + 1))
    },
    'larger'
  ],
  [
    'of another certificate',
    async (files: { keyFile: string }) => {
      await copyFile(fixture('second', 'key'), files.keyFile)
    },
    'mismatch'
  ]
])('does not open with a file that is %s', async (_, spoil, message) => {
  const { files } = await serve()
  await spoil(files)
  await expect(openTls(files)).rejects.toMatchObject({
    code: 'BAD_CERTIFICATE',
    message: expect.stringContaining(message) as string
  })
})

test('cuts who says nothing, or does not finish the handshake', async () => {
  const { target } = await serve({ limits: { readHeaderTimeoutMs: 100 } })
  const address = target as { port: number; host: string }
  const silent = connectTcp(address)
  silent.resume()
  const halfway = connectTcp(address)
  halfway.resume()
  halfway.write(Buffer.from([22, 3, 1, 1, 0, 1]))
  await Promise.all([once(silent, 'close'), once(halfway, 'close')])
})

test('stops with silent clients, half handshakes and idle connections', async () => {
  const { target, stop } = await serve({ limits: { readHeaderTimeoutMs: 600_000 } })
  const address = target as { port: number; host: string }
  const [silent, halfway] = [connectTcp(address), connectTcp(address)]
  for (const socket of [silent, halfway]) socket.on('error', () => undefined).resume()
  await Promise.all([once(silent, 'connect'), once(halfway, 'connect')])
  halfway.write(Buffer.from([22, 3, 1, 1, 0, 1]))
  const idle = await dial(target)
  idle.on('error', () => undefined).resume()
  const closed = [silent, halfway, idle].map((socket) => once(socket, 'close'))
  await stop({ graceMs: 50 })
  await Promise.all(closed)
})
