import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Play } from './play.fixture.ts'

/**
 * Scenes of the protocol in plain text: a command, a line `----`, what was seen, an empty line. With
 * `RAFT_TRANSCRIPTS=write` what is seen is written into them; read the difference before it is committed.
 */
const folder = new URL('./transcripts/', import.meta.url)
const isWriting = process.env['RAFT_TRANSCRIPTS'] === 'write'

function played(script: string): string {
  const play = new Play()
  const scenes: string[] = []
  for (const block of script.trimEnd().split(/\n\n+/)) {
    const lines = block.split('\n')
    const remarks = lines.filter((line) => line.startsWith('#'))
    const end = lines.indexOf('----')
    const commands = lines.slice(0, end < 0 ? undefined : end).filter((line) => !line.startsWith('#'))
    const seen = commands.map((command) => play.run(command)).filter((text) => text !== '')
    const told = commands.length === 0 ? [] : [...commands, '----', ...seen]
    scenes.push([...remarks, ...told].join('\n'))
  }
  return `${scenes.join('\n\n')}\n`
}

test.for(readdirSync(folder))('%s', (name) => {
  const script = readFileSync(new URL(name, folder), 'utf8')
  const seen = played(script)
  if (isWriting) writeFileSync(new URL(name, folder), seen)
  else expect(seen).toBe(script)
})
