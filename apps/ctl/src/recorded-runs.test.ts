import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runsOf } from './recorded-kinds.fixture.ts'
import { RecordedServer, run, withoutLog, type RecordedRun } from './recorded.fixture.ts'

const alone = await runsOf('alone')
const asJson = await runsOf('json')
const refused = await runsOf('refused')
const server = new RecordedServer()
let port = 0
/** Where nobody listens. */
let closedPort = 0

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ctl-runs-'))
  for (const name of ['h.txt', 't53.txt']) await writeFile(join(folder, name), name)
  const other = new RecordedServer()
  closedPort = await other.start()
  port = await server.start()
  await other.stop()
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** The recorded command line, at the server of the test. */
function wordsOf({ argv }: RecordedRun): string[] {
  return argv.map((word) =>
    word
      .replaceAll(/tcp\/(?:23210|23211|23212|2346\d|2[0-9]{4})(?=$|,|\/ws)/g, (text) =>
        text === 'tcp/23499' || text === 'tcp/23498' ? `tcp/${closedPort.toString()}` : `tcp/${port.toString()}`
      )
      .replace(/^\/DATA(?=\/|$)/, folder)
      .replace(/^\/unix\/.*api.*$/, `/ip4/127.0.0.1/tcp/${port.toString()}`)
  )
}
const atTest = (text: string): string => text.replaceAll(/2349[89]/g, closedPort.toString()).replaceAll('/DATA', folder)

describe('command lines without an API', () => {
  it.each(alone)('$id $argv', async (recorded) => {
    const result = await run(wordsOf(recorded))
    expect(result.exit).toBe(recorded.exit)
    expect(withoutLog(result.stderr)).toBe(withoutLog(atTest(recorded.stderr)))
    // The words of help are free, its first lines are not.
    const isHelp = recorded.stdout.includes('NAME:\n')
    const shown = (text: string): string => (isHelp ? text.slice(0, text.indexOf('NAME:\n')) : text)
    expect(shown(result.stdout)).toBe(shown(atTest(recorded.stdout)))
    if (isHelp) expect(result.stdout).toContain('NAME:\n')
  })
})

describe('answers as JSON are printed as they came', () => {
  it.each(asJson)('$id $argv', async (recorded) => {
    server.handler = (_, response) => {
      // Peers answer one value a line.
      response.end(recorded.stdout.replace(/\n(?!\{)\s*/g, ''))
    }
    const result = await run(wordsOf(recorded))
    expect(result).toEqual({ stdout: recorded.stdout, stderr: '', exit: 0 })
  })
})

describe('errors of the API', () => {
  it.each(refused)('$id $argv', async (recorded) => {
    const [, code = '', message = ''] =
      /"code": (\d+),\n {4}"message": (".*")\n/.exec(recorded.stdout) ??
      /Code: (\d+)\n {2}Message: ([^]*)\n$/.exec(recorded.stdout) ??
      []
    server.handler = (_, response) => {
      const text = message.startsWith('"') ? message : JSON.stringify(message)
      response.writeHead(Number(code)).end(`{"code":${code},"message":${text}}`)
    }
    // The server of the test has no TLS.
    const words = wordsOf(recorded).filter((word) => word !== '--https')
    const result = await run(['--force-http', ...words.filter((word) => word !== '--force-http')])
    expect(result).toEqual({ stdout: recorded.stdout, stderr: '', exit: 2 })
  })
})
