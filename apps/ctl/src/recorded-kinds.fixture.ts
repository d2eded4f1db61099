import { recordedRuns, type RecordedRun } from './recorded.fixture.ts'

/** What is done with a recorded run; `runsOf` of each kind is called by one test file. */
export type Kind =
  /** No API is needed. */
  | 'alone'
  /** An odd server. */
  | 'odd'
  /** The answer is printed as JSON as it came. */
  | 'json'
  /** The API answers an error. */
  | 'refused'
  /** The answer is made from the text. */
  | 'text'
  /** TLS asked of a server without it. */
  | 'plain'
  | 'metrics'
  | 'bandwidth'
  | 'graph'
  | 'wait'
  | 'libp2p'
  | 'url'
  /** A peer chunks and hashes: `e2e/src/add-ctl.e2e.ts`. */
  | 'add'
  | 'different'

/** Where we print something else on purpose, and why. */
export const different: Readonly<Record<string, string>> = {
  'add-url-404': 'the reason is told without the URL of the request to the peer, which is not at fault',
  'auth-https-check': 'why a certificate is not trusted is told without the tries to find who vouches for it',
  'ctl-args-13': 'there are more commands; those of the reference are among them (help.test.ts)',
  'ctl-args-23': 'a value that is missing is told, and the word before it is no value (cli-config.md §0.1, fix)',
  'ctl-args-30': 'asks the port of the default address, where a peer may listen on the machine of the test',
  'ctl-args-36': 'asks the DNS, and the recorded text names the resolver',
  'ctl-args-37': 'asks port 80, where something may listen on the machine of the test',
  'ctl-noapi-45': 'says in other words why a CID is none',
  'ctl-noapi-46': 'says in other words why a CID is none',
  'live-metrics':
    'names are sorted, the reference has them in any order; recorded-health.test.ts compares them as sets',
  'live-metrics-json': 'as live-metrics',
  'server-200-peers-rm': 'an answer with a body comes from a peer that did what was asked'
}

/** What is done with a run. */
export function kindOf({ id, argv, exit, stdout }: RecordedRun): Kind | undefined {
  if (id in different) return 'different'
  const line = argv.join(' ')
  if (line.includes('/p2p/') && id !== 'ctl-args-31' && id !== 'ctl-args-35') return 'libp2p'
  if (id.startsWith('auth-libp2p-')) return 'libp2p'
  if (id.startsWith('ctl-') || id === 'add-empty') return 'alone'
  if (id.startsWith('server-') || id.startsWith('timeout-')) return 'odd'
  if (id.startsWith('scen-wait-')) return 'wait'
  if (/^add-(?:url|car)/.test(id)) return 'url'
  if (id.startsWith('add-')) return 'add'
  if (line.includes('health graph')) return 'graph'
  if (line.includes('json') && exit === 0) return 'json'
  if (exit === 2) return 'refused'
  if (exit === 1 && stdout.includes('server gave HTTP response to HTTPS client')) return 'plain'
  if (exit !== 0) return undefined
  if (/health (?:metrics|alerts)/.test(line)) return 'metrics'
  return line.includes('health bandwidth') ? 'bandwidth' : 'text'
}

/** The recorded runs of a kind. */
export async function runsOf(kind: Kind): Promise<readonly RecordedRun[]> {
  return (await recordedRuns()).filter((recorded) => kindOf(recorded) === kind)
}
