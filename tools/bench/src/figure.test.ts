import { expect, it } from 'vitest'
import { formatFigure } from './figure.ts'

it('prints figures in columns', () => {
  const lines = [
    { name: 'memory', value: 91.26, unit: 'MiB' },
    { name: 'calls', value: 1234.5, unit: '/s' }
  ].map(formatFigure)
  expect(lines[0]).toMatch(/^memory +91\.3 MiB$/)
  expect(lines[1]).toMatch(/^calls +123[45] \/s$/)
  expect(lines[0]?.indexOf('MiB')).toBe(lines[1]?.indexOf('/s'))
})
