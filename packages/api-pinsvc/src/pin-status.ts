import { goJson } from '@cluster/http'
import type { ServedPin } from './served-pin.ts'
import type { ServiceStatus } from './service-status.ts'

/** A pin with what became of it. */
export interface StatusOfPin {
  readonly pin: ServedPin
  readonly status: ServiceStatus
}

/** What the reference tells with each pin. */
const INFO = {
  source: 'IPFS cluster API',
  warning1: 'CID used for requestID. Conflicts possible',
  warning2: 'experimental'
}

/** A `PinStatus` of the standard, as a value for `goJson`. @see http-apis.md §6.3 */
export function pinStatusValue({ pin, status }: StatusOfPin, delegates: readonly string[]): object {
  const { cid, name, origins, meta, createdMs } = pin
  return {
    requestid: cid.toString(),
    status,
    created: new Date(createdMs).toISOString(),
    pin: {
      cid: cid.toString(),
      ...(name === '' ? {} : { name }),
      ...(origins.length === 0 ? {} : { origins }),
      ...(meta.size === 0 ? {} : { meta: Object.fromEntries([...meta].sort(([a], [b]) => (a < b ? -1 : 1))) })
    },
    delegates,
    info: INFO
  }
}

/** The error body of the service. @see http-apis.md §6.3 */
export function failureBody(reason: string): string {
  return `${goJson({ error: { reason } })}\n`
}
