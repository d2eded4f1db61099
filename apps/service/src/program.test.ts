import { describe, expect, it } from 'vitest'
import { program } from './program.ts'

describe('the commands', () => {
  it('have help of at most 120 columns, with examples', () => {
    const root = program({})
    let help = ''
    root.configureOutput({ writeOut: (text) => (help += text) })
    root.outputHelp()
    for (const command of root.commands) help += command.helpInformation()
    expect(help).toContain('Examples:')
    expect(help.split('\n').filter((line) => line.length > 120)).toEqual([])
  })

  it('refuse a consensus that does not exist, naming the ones that do', async () => {
    const root = program({})
    for (const command of [root, ...root.commands])
      command.exitOverride().configureOutput({ writeErr: () => undefined })
    await expect(root.parseAsync(['init', '--consensus', 'none'], { from: 'user' })).rejects.toThrow(
      "argument 'none' is invalid. Allowed choices are crdt."
    )
  })
})
