import { describe, expect, it } from 'vitest'
import { parseWords } from './arguments.ts'
import type { Flag } from './command.ts'

const flags: readonly Flag[] = [
  { names: ['name', 'n'], kind: 'text', usage: '', env: 'NAME', fallback: 'nobody' },
  { names: ['wait', 'w'], kind: 'switch', usage: '' },
  { names: ['limit', 'wl'], kind: 'integer', usage: '' },
  { names: ['timeout'], kind: 'duration', usage: '' },
  { names: ['metadata'], kind: 'list', usage: '' }
]
const parse = (line: string, env: NodeJS.ProcessEnv = {}) => parseWords(line.split(' '), flags, true, env)

describe('words of a command line', () => {
  it('flags come before and after others, with one dash or two', () => {
    const { args } = parse('-name a CID --wait -wl=0x10 x --metadata a=b,c --metadata d=e')
    expect(args.text('name')).toBe('a')
    expect(args.isOn('wait')).toBe(true)
    expect(args.integer('limit')).toBe(16)
    expect(args.list('metadata')).toEqual(['a=b,c', 'd=e'])
    expect(args.operands).toEqual(['CID', 'x'])
  })

  it('a switch takes no word, a text takes any', () => {
    const { args } = parse('--wait CID -n --wait')
    expect(args.operands).toEqual(['CID'])
    expect(args.text('name')).toBe('--wait')
    expect(parse('--wait=F').args.isOn('wait')).toBe(false)
  })

  it('two dashes end the flags, one alone is a word', () => {
    expect(parse('- -- --wait').args.operands).toEqual(['-', '--wait'])
  })

  it('the environment and then the fallback stand for what is not given, even when empty', () => {
    expect(parse('x').args.text('name')).toBe('nobody')
    expect(parse('x', { NAME: '' }).args.text('name')).toBe('')
    expect(parse('-n y', { NAME: 'z' }).args.text('name')).toBe('y')
  })

  it.each([
    ['10', 10],
    ['-1', -1],
    ['0b11', 3],
    ['0o17', 15],
    ['017', 15],
    ['1_000', 1000]
  ])('the number %s', (text, value) => {
    expect(parse(`--limit=${text}`).args.integer('limit')).toBe(value)
  })

  it.each([
    ['--nope', 'flag provided but not defined: -nope'],
    ['-wn', 'flag provided but not defined: -wn'],
    ['x --name', 'flag needs an argument: -name'],
    ['--limit 1.5', 'invalid value "1.5" for flag -limit: parse error'],
    ['--limit 1__0', 'invalid value "1__0" for flag -limit: parse error'],
    ['--timeout 5', 'invalid value "5" for flag -timeout: parse error'],
    ['--wait=maybe', 'invalid boolean value "maybe" for -wait: parse error'],
    ['---x', 'bad flag syntax: ---x'],
    ['--name a -n b', 'Cannot use two forms of the same flag: n name']
  ])('%s is refused', (line, message) => {
    expect(() => parse(line)).toThrow(message)
  })
})
