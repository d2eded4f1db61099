import { expect, it } from 'vitest'
import { flag, formatReference, group, requiredAddress, section, text } from './index.ts'
import { parseMultiaddr } from './multiaddr-text.ts'

it('the reference of a section has a row for each option', () => {
  const config = section({
    name: 'x',
    env: 'CLUSTER_X',
    options: {
      is_on: flag({ default: true, load: 'Z', description: 'Whether: a | b' }),
      at: requiredAddress({ default: parseMultiaddr('/ip4/127.0.0.1/tcp/1'), description: 'Where.' }),
      inner: group({ token: text({ default: 'me', defaultText: 'the host', secret: true, description: 'What.' }) })
    }
  })
  expect(formatReference([{ path: 'api.x', options: config.describe() }])).toBe(
    [
      '## `api.x`',
      '',
      '| Key | Type | Default | If left out | Environment | Meaning |',
      '| --- | --- | --- | --- | --- | --- |',
      '| `is_on` | boolean | `true` | `false` | `CLUSTER_X_ISON` | Whether: a \\| b. |',
      '| `at` | multiaddress | `"/ip4/127.0.0.1/tcp/1"` | required | `CLUSTER_X_AT` | Where. |',
      '| `inner.token` | string | the host | default | `CLUSTER_X_INNER_TOKEN` | What. Secret: hidden wherever the configuration is shown. |',
      ''
    ].join('\n')
  )
})

it('a section without options says so', () => {
  expect(formatReference([{ path: 'exchange.x', options: [] }])).toBe('## `exchange.x`\n\nNo options.\n')
})
