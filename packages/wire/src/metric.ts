import type { Alert, Metric } from '@cluster/api'
import { at, complete, record, type Form, type Loose, type RecordFields } from './form.ts'
import { bool, int64, peer, string, time } from './scalars.ts'

const fields: RecordFields<Loose<Metric>> = {
  name: at(string, 'name', 'n°'),
  peer: at(peer, 'peer', 'p°'),
  value: at(string, 'value', 'v°'),
  expire: at(int64, 'expire', 'e°'),
  valid: at(bool, 'valid', 'd°'),
  weight: at(int64, 'weight', 'w°'),
  partitionable: at(bool, 'partitionable', 'o°'),
  receivedAt: at(int64, 'received_at', 't°')
}

/** A metric; the peer may be missing. Its instants are int64 nanoseconds, not times. */
export const looseMetricForm: Form<Loose<Metric>> = record(fields)

/** A metric. */
export const metricForm: Form<Metric> = complete<Metric>('metric', looseMetricForm, ['peer'])

/** An alert; the peer may be missing. */
export const looseAlertForm: Form<Loose<Alert>> = record<Loose<Alert>>({
  ...fields,
  triggeredAt: at(time, 'triggered_at', 'r°')
})

/** An alert. */
export const alertForm: Form<Alert> = complete<Alert>('alert', looseAlertForm, ['peer'])
