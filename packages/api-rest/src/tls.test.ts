import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LoneCluster, testContext } from '@cluster/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestApi, restApiConfig } from './index.ts'

const open: RestApi[] = []
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rest-tls-'))
})
afterEach(async () => {
  for (const api of open.splice(0)) await api.stop()
  await rm(folder, { recursive: true })
})

async function install(name: 'first' | 'second'): Promise<void> {
  for (const part of ['cert', 'key']) {
    const source = new URL(`../../testing/vectors/tls/${name}.${part}.pem`, import.meta.url)
    await copyFile(source, join(folder, `${part}.pem`))
  }
}

async function run() {
  const context = { ...testContext({ baseDir: folder }), cluster: new LoneCluster() }
  const api = new RestApi(context, {
    ...restApiConfig.defaults,
    httpListenMultiaddress: [multiaddr('/ip4/127.0.0.1/tcp/0')],
    sslCertFile: 'cert.pem',
    sslKeyFile: 'key.pem'
  })
  await api.beforeStart()
  open.push(api)
  await api.start()
  return { port: Number(api.addresses[0]?.getComponents()[1]?.value), lines: context.lines }
}

/** Status of an answer, and for whom the certificate is. */
function ask(port: number, path: string): Promise<readonly [number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false }
    const asking = request(options, (response) => {
      const { socket } = response as unknown as { socket: { getPeerCertificate(): { subject: { CN: string } } } }
      const name = socket.getPeerCertificate().subject.CN
      response.resume().once('end', () => {
        resolve([response.statusCode, name])
      })
    })
    asking.once('error', reject).end()
  })
}

describe('TLS', () => {
  it('is spoken with the files of the configuration, and with those that replace them', async () => {
    await install('first')
    const { port, lines } = await run()
    expect(await ask(port, '/version')).toEqual([200, 'first.example'])
    await install('second')
    expect(await ask(port, '/version')).toEqual([200, 'second.example'])
    await writeFile(join(folder, 'key.pem'), 'rubbish')
    expect(await ask(port, '/nothing')).toEqual([404, 'second.example'])
    const texts = lines.map(({ text }) => text).filter((text) => text.includes('certificate'))
    expect(texts).toEqual([
      'REST API: the changed TLS certificate is in use',
      'REST API: the changed TLS certificate is of no use: the last one stays'
    ])
  })

  it('does not start without its files', async () => {
    await expect(run()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^error loading TLS certificate\/key: .*ENOENT.*ssl_key_file$/) as string
    })
  })
})
