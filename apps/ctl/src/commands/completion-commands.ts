import type { CommandEntry, CommandGroup, Flag, LeafCommand } from '../command-line/command.ts'
import { candidatesFor } from '../command-line/completion.ts'

const PROGRAM = 'ipfs-cluster-ctl'

/** What a shell is given; it asks this program for the words that may come next. */
const scripts = {
  bash: `_ipfs_cluster_ctl() {
  local IFS=$'\\n'
  COMPREPLY=($(${PROGRAM} completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ipfs_cluster_ctl ${PROGRAM}
`,
  zsh: `#compdef ${PROGRAM}
_ipfs_cluster_ctl() {
  local -a candidates
  candidates=(\${(f)"$(${PROGRAM} completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#candidates} )); then compadd -a candidates; else _files; fi
}
compdef _ipfs_cluster_ctl ${PROGRAM}
`,
  fish: `function __ipfs_cluster_ctl_words
  set -l words (commandline -opc) (commandline -ct)
  ${PROGRAM} completion words -- $words[2..-1] 2>/dev/null
end
complete -c ${PROGRAM} -a '(__ipfs_cluster_ctl_words)'
`
} as const

/**
 * Completion for shells, made from the table of commands.
 *
 * @param entries - the whole table, once it is there
 */
export function completionCommands(entries: () => readonly CommandEntry[], globalFlags: readonly Flag[]): CommandGroup {
  const script = (shell: keyof typeof scripts, how: string): LeafCommand => ({
    name: shell,
    usage: `print the script for ${shell}: ${how}`,
    run: ({ output }) => {
      output.write(scripts[shell])
    }
  })
  return {
    name: 'completion',
    usage: 'complete commands and flags in a shell',
    commands: [
      script('bash', `eval "$(${PROGRAM} completion bash)"`),
      script('zsh', `eval "$(${PROGRAM} completion zsh)"`),
      script('fish', `${PROGRAM} completion fish | source`),
      {
        name: 'words',
        usage: 'print what may come next, for the scripts',
        operands: '[word...]',
        isHidden: true,
        run: ({ output, args }) => {
          const words = candidatesFor(args.operands, entries(), globalFlags)
          output.write(words.map((word) => `${word}\n`).join(''))
        }
      }
    ]
  }
}
