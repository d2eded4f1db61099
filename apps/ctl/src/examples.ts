import type { Example } from './command-line/command.ts'

/**
 * Command lines for the help of each command: after the name of the program, with what they do. A test runs the parser
 * on them.
 */
export const examples: Readonly<Record<string, readonly Example[]>> = {
  id: [
    ['id', 'name, addresses and IPFS daemon of the peer'],
    ['--host /dns4/cluster.example.org/tcp/9094 --https --basic-auth admin:secret id', 'of a peer elsewhere']
  ],
  'peers ls': [['peers ls', 'who is there, and who cannot be reached']],
  'peers rm': [['peers rm 12D3KooW…', 'with Raft only: others are told to forget it by themselves']],
  'peers services': [['peers services', 'cordoned and draining peers']],
  'peers cordon': [['peers cordon 12D3KooW…', 'before work on its machine']],
  'peers uncordon': [['peers uncordon 12D3KooW…', 'when the work is done']],
  'peers drain': [
    ['peers drain --dry-run 12D3KooW…', 'what would be moved, and where to'],
    ['peers drain 12D3KooW…', 'before it is switched off for good']
  ],
  'peers replace': [['peers replace 12D3KooWOld… 12D3KooWNew…', 'a new machine in place of a broken one']],
  add: [
    ['add report.pdf', 'a file'],
    ['add -r --name photos --rmin 2 --rmax 3 --wait ./photos', 'a folder at two or three peers; waits for them'],
    ['add -r -Q ./site', 'prints the CID of the folder only'],
    ['add --format car backup.car', 'the blocks of a CAR file'],
    ['add https://example.org/data.tar', 'what a URL leads to']
  ],
  'pin add': [
    ['pin add --name docs QmX…', 'at as many peers as the cluster is set to'],
    ['pin add --replication 2 --wait --wait-timeout 5m QmX…', 'at two peers, and waits for them'],
    ['pin add --expire-in 720h --metadata team=red /ipns/docs.example.org', 'for thirty days']
  ],
  'pin rm': [['pin rm QmX…', 'unpin it at all peers']],
  'pin update': [['pin update --name v2 QmOld… QmNew…', 'a new version; the old one stays until pin rm']],
  'pin ls': [
    ['pin ls', 'the whole pinset'],
    ['--enc json pin ls --filter pin', 'as JSON, one object after the other']
  ],
  status: [
    ['status QmX…', 'of one pin'],
    ['status --filter error', 'what went wrong, and why'],
    ['status --filter pinning,queued --watch', 'what is under way, as it changes']
  ],
  recover: [
    ['recover', 'everything that failed'],
    ['recover QmX…', 'one pin']
  ],
  version: [['version', 'of the peer; --version is that of this program']],
  'health graph': [['health graph --file cluster.dot', 'draw it with: dot -Tsvg cluster.dot > cluster.svg']],
  'health metrics': [
    ['health metrics', 'their names'],
    ['health metrics freespace', 'how much room each peer has']
  ],
  'health alerts': [['health alerts', 'who was not heard of']],
  'health bandwidth': [['health bandwidth', 'bytes and rates by protocol']],
  'health consensus': [['health consensus', 'whether the peer has all pins']],
  'ipfs gc': [['ipfs gc --local', 'at the daemon of the peer that is asked only']],
  repair: [['repair --dry-run', 'what would be done']],
  rebalance: [['rebalance --dry-run', 'what would be moved']],
  explain: [
    ['explain --replication 2', 'for a pin that does not exist yet'],
    ['explain QmX…', 'for one that does']
  ],
  'completion bash': [['completion bash', 'in ~/.bashrc: eval "$(ipfs-cluster-ctl completion bash)"']],
  'completion zsh': [['completion zsh', 'in ~/.zshrc: eval "$(ipfs-cluster-ctl completion zsh)"']],
  'completion fish': [['completion fish', 'in config.fish: ipfs-cluster-ctl completion fish | source']]
}
