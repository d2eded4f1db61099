import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runsOf } from './recorded-kinds.fixture.ts'
import { RecordedServer, run, withoutLog, type RecordedRun } from './recorded.fixture.ts'

// The text of these runs says all that their answer has said, so the answer is made from it, in another order of peers.
const PEERS: Readonly<Record<string, string>> = {
  peer0: '12D3KooWFWDje5G7sMfoo5b9cfoPVkdYTu8JmrxP1rWaZxK5qK4J',
  peer1: '12D3KooWSa7BJUjnxxfRr8TZ2UbizHsGY97ttQSXohnttRLREeNr',
  peer2: '12D3KooWDSHw1Kpv1qWgEtSAoU4Jc6sdY7VyJqwWHT7VPtVfTmzs'
}
/** Sorts as the last, after the names of above. */
const LONELY = '12D3KooWSv8j8td5Ek4bV4rXBXjGdWv8G7QUbqEuoJddFd9po5Sq'
const runs = await runsOf('text')
const server = new RecordedServer()
let port = 0

beforeAll(async () => {
  port = await server.start()
})
afterAll(() => server.stop())

function parts(pattern: RegExp, line: string): string[] {
  const match = pattern.exec(line)
  if (match === null) throw new Error(`not understood: ${line}`)
  return match.slice(1).map((part: string | undefined) => part ?? '')
}

function statusesOf(text: string): object[] {
  return text
    .split(/^(?=\S)/m)
    .filter((block) => block !== '')
    .map((block) => {
      // Errors may go over several lines.
      const [title = '', ...lines] = block.trimEnd().split(/\n(?= {4}> )/)
      const [cid, name] = parts(/^(\S+)(?: \| (.*))?:$/, title)
      const entries = lines.map((line) => {
        const pattern = /^ {4}> (\S+) *: ([A-Z_]+)(?:: (.*))? \| (\S+) \| Attempts: (\d+) \| Priority: (\w+)$/s
        const [label = '', status = '', error, timestamp, attempts, priority] = parts(pattern, line)
        const isName = !label.startsWith('12D3')
        const entry = {
          peername: isName ? label : '',
          status: status.toLowerCase(),
          timestamp,
          error,
          attempt_count: Number(attempts),
          priority_pin: priority === 'true'
        }
        return [isName ? (PEERS[label] ?? LONELY) : label, entry] as const
      })
      return { cid, name, peer_map: Object.fromEntries(entries.reverse()) }
    })
}

function pinsOf(text: string): object[] {
  const pattern =
    /^(\S+) \| (.*) \| ([A-Z-]+?)(-DIRECT)? \| Repl\. Factor: (-1|\d+--\d+) \| Allocations: \[(.*)\] \| (\S+) \| Metadata: (\w+) \| Exp: (.*) \| Added: (.*)$/
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [cid, name, type = '', direct, factor = '', allocations = '', depth, metadata, exp, added] = parts(
        pattern,
        line
      )
      const [min, max = min] = factor === '-1' ? ['-1'] : factor.split('--')
      const time = (shown = ''): string | undefined => (/^\d/.test(shown) ? `${shown.replace(' ', 'T')}Z` : undefined)
      return {
        replication_factor_min: Number(min),
        replication_factor_max: Number(max),
        name,
        mode: direct === '' ? 'recursive' : 'direct',
        cid,
        type: type.toLowerCase(),
        allocations: allocations === 'everywhere' ? [] : allocations.split(' ').reverse(),
        max_depth: depth === 'Direct' ? 0 : -1,
        metadata: metadata === 'yes' ? { a: 'b' } : null,
        expire_at: time(exp),
        timestamp: time(added)
      }
    })
}

function idsOf(text: string): object[] {
  return text
    .split(/^(?=\S)/m)
    .filter((block) => block !== '')
    .map((block) => {
      const [title = '', ...lines] = block.trimEnd().split('\n')
      const [id, error] = /^(\S+) \| ERROR: (.*)\n$/s.exec(block)?.slice(1) ?? []
      if (id !== undefined) return { id, error, ipfs: {} }
      const [peer, peername, others] = parts(/^(\S+) \| (.*) \| Sees (-?\d+) other peers$/, title)
      const at = lines.findIndex((line) => line.startsWith('  > IPFS'))
      const addresses = (some: string[]): string[] => some.map((line) => line.replace('    - ', '')).reverse()
      const [ipfsError, ipfsId] = parts(/^ {2}> IPFS(?: ERROR: (.*)|: (.*))$/, lines[at] ?? '')
      return {
        id: peer,
        peername,
        cluster_peers: Array.from({ length: Number(others) + 1 }, () => peer),
        addresses: addresses(lines.slice(1, at)),
        ipfs: { id: ipfsId, error: ipfsError, addresses: addresses(lines.slice(at + 1)) }
      }
    })
}

function collectionOf(text: string): object[] {
  const blocks = text.split(/^(?=\S)/m).map((block) => {
    const [title = '', , ...keys] = block.trimEnd().split('\n')
    const [name = '', error] = parts(/^(\S+) *(?:\| ERROR: (.*))?$/, title)
    const peer = PEERS[name] ?? LONELY
    const removed = keys.map((line) => ({ key: line.replace('    - ', '') }))
    return [peer, { peer, peername: name, keys: removed, error }] as const
  })
  return [{ peer_map: Object.fromEntries(blocks.reverse()) }]
}

function answerOf({ id, argv, stdout }: RecordedRun): object[] {
  if (stdout === '') return []
  if (/^\S+(?: \| .*)?:\n {4}> /.test(stdout)) return statusesOf(stdout)
  if (stdout.includes(' | Repl. Factor: ')) return pinsOf(stdout)
  if (argv.includes('id') || argv.includes('peers')) return idsOf(stdout)
  if (argv.includes('gc')) return collectionOf(stdout)
  if (argv.includes('version')) return [{ version: stdout.trim() }]
  throw new Error(`not understood: ${id}`)
}

describe('answers as text, byte for byte', () => {
  const cases = runs.map((recorded) => ({ ...recorded, answer: answerOf(recorded) }))

  it.each(cases)('$id', async ({ argv, stdout, answer }) => {
    server.handler = ({ method, url = '' }, response) => {
      const [first = {}] = answer
      // The status is asked for after the pin or unpin.
      if (method !== 'GET' && url.startsWith('/pins/ip')) response.end(JSON.stringify({ ...first, type: 'pin' }))
      else if (answer.length === 0) response.writeHead(204).end()
      else response.end(answer.map((value) => `${JSON.stringify(value)}\n`).join(''))
    }
    const host = `/ip4/127.0.0.1/tcp/${port.toString()}`
    const words = argv
      .filter((word) => !['-s', '--https', '--no-check-certificate'].includes(word))
      .map((word, index) => (argv[index - 1] === '--host' || word.startsWith('/ip4') ? host : word))
      .map((word) => (/^\/(ip4|dns4|unix)\//.test(word) ? host : word))
    const result = await run(['-f', ...words.filter((word) => word !== '-f')])
    expect({ ...result, stderr: withoutLog(result.stderr) }).toEqual({ stdout, stderr: '', exit: 0 })
  })

  it('are many', () => {
    expect(cases.length).toBeGreaterThan(50)
  })
})
