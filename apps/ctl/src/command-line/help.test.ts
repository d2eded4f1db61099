import { describe, expect, it } from 'vitest'
import { commandTable } from '../command-table.ts'
import { globalFlags } from '../commands/flags.ts'
import { examples } from '../examples.ts'
import { recordedRuns, run } from '../recorded.fixture.ts'
import { candidatesFor } from './completion.ts'
import { suggestionFor } from './suggestion.ts'

const { stdout: listed } = await run(['commands'])
const names = listed.trimEnd().split('\n')

describe('help', () => {
  it('lists the commands of the reference in its order, and ours', async () => {
    const recorded = (await recordedRuns()).find(({ id }) => id === 'ctl-args-13')
    const known = recorded?.stdout.trimEnd().split('\n') ?? []
    expect(names.filter((name) => known.includes(name))).toEqual(known)
  })

  it.each(names)('of %s is there without a peer, in lines that fit', async (name) => {
    const result = await run([...name.split(' ').slice(1), '--help'])
    expect(result).toMatchObject({ stderr: '', exit: 0 })
    expect(result.stdout).toMatch(/^NAME:\n {3}ipfs-cluster-ctl/)
    expect(Math.max(...result.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })

  it('has an example for every command that is shown, which the parser takes', async () => {
    const shown = names.slice(0, -1).filter((name) => !/ (?:commands|completion words)$/.test(name))
    const leaves = shown.filter((name) => !shown.some((other) => other.startsWith(`${name} `)))
    const paths = leaves.map((name) => name.replace('ipfs-cluster-ctl ', ''))
    expect(Object.keys(examples).sort()).toEqual(paths.sort())
    for (const [path, lines] of Object.entries(examples)) {
      for (const [words] of lines) {
        const result = await run([...words.split(' '), '--help'])
        expect(result, words).toMatchObject({ exit: 0, stderr: '' })
        expect(result.stdout).toContain(`NAME:\n   ipfs-cluster-ctl ${path} - `)
        expect(result.stdout).toContain(`   ipfs-cluster-ctl ${words}`)
      }
    }
  })

  it('of the program has the titles that scripts look for', async () => {
    const { stdout } = await run(['help'])
    for (const title of ['USAGE', 'COMMANDS', 'GLOBAL OPTIONS']) expect(stdout).toMatch(new RegExp(`^${title}`, 'm'))
    expect(stdout).not.toMatch(/^ {3}commands/m)
  })
})

describe('typing errors', () => {
  it.each([
    ['stauts', 'status'],
    ['peer', 'peers'],
    ['recovr', 'recover'],
    ['ad', 'add'],
    ['re', undefined],
    ['a', undefined],
    ['zzz', undefined],
    ['nope', undefined]
  ])('%s', (typed, meant) => {
    expect(
      suggestionFor(
        typed,
        commandTable.map(({ name }) => name)
      )
    ).toBe(meant)
  })

  it('are told with what was meant', async () => {
    expect((await run(['status', '--filter', 'pined'])).stderr).toBe(
      'error parsing filter flag: invalid filter name (did you mean pinned?)\n'
    )
    expect(await run(['stauts'])).toEqual({
      stdout: '',
      stderr: "No help topic for 'stauts'\nDid you mean 'status'?\n",
      exit: 3
    })
    expect((await run(['pin', 'add', '--nmae', 'x', 'y'])).stdout).toMatch(
      /^Incorrect Usage: .* \(did you mean --name\?\)\n/
    )
  })
})

describe('completion', () => {
  const complete = (line: string): string[] => candidatesFor(line.split(' '), commandTable, globalFlags)

  it('of commands, flags and values', () => {
    expect(complete('pi')).toEqual(['pin'])
    expect(complete('pin ')).toEqual(['add', 'rm', 'update', 'ls'])
    expect(complete('pin add --exp')).toEqual(['--expire-in'])
    expect(complete('pin add --mode ')).toEqual(['recursive', 'direct'])
    expect(complete('--host x --enc json status --filter pin_')).toEqual(['pin_error', 'pin_queued'])
    expect(complete('--enc ')).toEqual(['text', 'json'])
    expect(complete('co')).toEqual(['completion'])
  })

  it('by a script for each shell, which asks this program', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      expect((await run(['completion', shell])).stdout).toContain('ipfs-cluster-ctl completion words -- ')
    }
    expect((await run(['completion', 'words', '--', 'pin', 'u'])).stdout).toBe('update\n')
  })
})
