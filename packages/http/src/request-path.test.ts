import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { examinePath } from './request-path.ts'

test.each([
  ['/version?a=1', { type: 'serve', url: '/version?a=1' }],
  ['/', { type: 'serve', url: '/' }],
  ['*', { type: 'serve', url: '*' }],
  ['/monitor%2Fmetrics', { type: 'serve', url: '/monitor/metrics' }],
  ['http://other/version', { type: 'serve', url: '/version' }],
  ['/a%2e%2e/b', { type: 'serve', url: '/a%2e%2e/b' }],
  ['/version/?a=1', { type: 'redirect', status: 307, location: '/version?a=1' }],
  ['//version?a=/', { type: 'redirect', status: 301, location: '/version?a=/' }],
  ['/a/%2e%2E/b', { type: 'redirect', status: 301, location: '/b' }],
  ['//evil.example/', { type: 'redirect', status: 301, location: '/evil.example' }],
  ['/\\evil.example/', { type: 'redirect', status: 307, location: '/%5Cevil.example' }],
  ['/%zz', { type: 'bad' }],
  ['nonsense', { type: 'bad' }]
])('%s', (url, verdict) => {
  expect(examinePath(url)).toEqual(verdict)
})

test('no redirect leaves the host, and redirects come to an end', () => {
  const url = fc.array(fc.constantFrom('/', '\\', '.', '..', '%2f', '%2e', 'a', '?', '@', ':'), { maxLength: 12 })
  fc.assert(
    fc.property(url, (parts) => {
      let at = `/${parts.join('')}`
      for (let hops = 0; ; hops++) {
        const verdict = examinePath(at)
        if (verdict.type !== 'redirect') return
        expect(verdict.location).toMatch(/^\/(?![/\\])/)
        expect(hops).toBeLessThan(20)
        at = verdict.location
      }
    })
  )
})
