import type { Flag } from '../command-line/command.ts'

/** Options in front of the command; see cli-config.md §1.1. */
export const globalFlags: readonly Flag[] = [
  {
    names: ['host', 'l'],
    kind: 'text',
    usage:
      'addresses of the API, comma-separated: /ip4, /dns4, /unix, or with /p2p at the end; the next one is asked when one does not answer',
    fallback: '/ip4/127.0.0.1/tcp/9094'
  },
  { names: ['secret'], kind: 'text', usage: 'secret of the cluster in hexadecimal; for libp2p addresses only' },
  { names: ['https', 's'], kind: 'switch', usage: 'connect with TLS' },
  { names: ['no-check-certificate'], kind: 'switch', usage: 'trust any certificate; with --https' },
  {
    names: ['encoding', 'enc'],
    kind: 'text',
    usage: 'form of the output: text or json',
    fallback: 'text',
    values: ['text', 'json']
  },
  { names: ['timeout', 't'], kind: 'integer', usage: 'seconds that a request may take; 0 for no limit' },
  { names: ['debug', 'd'], kind: 'switch', usage: 'tell on standard error what is done' },
  {
    names: ['basic-auth'],
    kind: 'text',
    usage: '<user>[:<password>]; turns on --https unless --force-http is given',
    env: 'CLUSTER_CREDENTIALS'
  },
  { names: ['force-http', 'f'], kind: 'switch', usage: 'send credentials without TLS' }
]

export const nameFlag: Flag = { names: ['name', 'n'], kind: 'text', usage: 'name of the pin' }
export const expiryFlag: Flag = { names: ['expire-in'], kind: 'text', usage: 'unpin after this time, such as 24h' }
export const localFlag: Flag = { names: ['local'], kind: 'switch', usage: 'only the peer that is asked' }
export const dryRunFlag: Flag = { names: ['dry-run'], kind: 'switch', usage: 'only show what would be done' }
export const waitTimeoutFlag: Flag = {
  names: ['wait-timeout', 'wt'],
  kind: 'duration',
  usage: 'stop waiting after this time, such as 30s; 0 for never'
}

const replicationFlag: Flag = {
  names: ['replication', 'r'],
  kind: 'integer',
  usage: 'copies, in place of both factors; -1 for every peer'
}

/** How many copies there shall be, and where. */
export const factorFlags: readonly Flag[] = [
  {
    names: ['replication-min', 'rmin'],
    kind: 'integer',
    usage: 'fewest copies; 0 for what the cluster is set to, -1 for every peer'
  },
  { names: ['replication-max', 'rmax'], kind: 'integer', usage: 'most copies, in the same way' },
  { names: ['allocations', 'allocs'], kind: 'text', usage: 'IDs of peers to prefer, comma-separated' }
]

/** {@link factorFlags}, or one number for both. */
export const replicationFlags: readonly Flag[] = [replicationFlag, ...factorFlags]

export const metadataFlag: Flag = {
  names: ['metadata'],
  kind: 'list',
  usage: 'say more about the pin: key=value; may be repeated'
}

/** Whether to wait for what was asked for, and what to print then. */
export const waitFlags: readonly Flag[] = [
  { names: ['no-status', 'ns'], kind: 'switch', usage: 'print the pin at once, and not its status' },
  { names: ['wait', 'w'], kind: 'switch', usage: 'wait until it is done' },
  { names: ['wait-limit', 'wl'], kind: 'integer', usage: 'how many peers to wait for; 0 for as many as need it' },
  waitTimeoutFlag
]
