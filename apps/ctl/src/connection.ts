import { ClusterClient } from '@cluster/client'
import { parseMultiaddr } from '@cluster/config'
import { Failure } from './failure.ts'
import type { Encoding } from './output.ts'

/** The options in front of the command. */
export interface GlobalOptions {
  readonly host: string
  readonly encoding: string
  readonly basicAuth?: string | undefined
}

/** The encoding that was asked for. */
export function encodingOf({ encoding }: Pick<GlobalOptions, 'encoding'>): Encoding {
  if (encoding === 'text' || encoding === 'json') return encoding
  throw new Failure('', 'unsupported encoding')
}

/** A client of the API at the host of the options. */
export function connect({ host, basicAuth = '' }: GlobalOptions): ClusterClient {
  const [username = '', ...password] = basicAuth.split(':')
  try {
    return new ClusterClient({ url: urlOf(host), username, password: password.join(':') })
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('creating API client', error)
  }
}

/** The URL of an API address: `/ip4/…/tcp/…`, `/ip6/…/tcp/…` or `/dns…/…/tcp/…`. */
function urlOf(address: string): string {
  let text: string
  try {
    text = parseMultiaddr(address).toString()
  } catch (error) {
    throw new Failure('parsing host multiaddress', error)
  }
  const match = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)$/.exec(text)
  if (match === null)
    throw new Failure('parsing host multiaddress', `${text}: expected an address such as /ip4/127.0.0.1/tcp/9094`)
  const [, protocol = '', name = '', port = ''] = match
  return `http://${protocol === 'ip6' ? `[${name}]` : name}:${port}`
}
