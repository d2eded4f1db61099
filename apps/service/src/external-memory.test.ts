import { expect, it } from 'vitest'
import { accountForBuffers } from './external-memory.ts'

it('sets the flag where it is known, and nothing elsewhere', () => {
  const flags: string[] = []
  const set = (flag: string): void => void flags.push(flag)
  accountForBuffers('13.6.233.17-node.44', set)
  accountForBuffers('14.1.146.11-node.2', set)
  expect(flags).toEqual(['--external-memory-accounted-in-global-limit'])
})
