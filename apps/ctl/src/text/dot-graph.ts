import type { ConnectGraph } from '@cluster/api'

/** How the kinds of vertices look. */
const looks = {
  self: { letter: 'C', color: 'orange', shape: 'box3d', more: ' peripheries="2"' },
  trusted: { letter: 'T', color: 'orange', shape: 'box3d', more: '' },
  plain: { letter: 'C', color: 'darkorange3', shape: 'box3d', more: '' },
  ipfs: { letter: 'I', color: 'turquoise3', shape: 'cylinder', more: '' },
  missing: { letter: 'I', color: 'firebrick1', shape: 'cylinder', more: '' }
} as const

/** Names of vertices by peer ID. */
type Names = Map<string, string>

/**
 * Who is connected to whom, in the language of Graphviz.
 *
 * @param withAllIpfsPeers - also IPFS peers that belong to no peer of the cluster
 * @see cli-config.md §1.12
 */
export function dotGraph(graph: ConnectGraph, withAllIpfsPeers: boolean): string {
  const clusterLinks = textLinks(graph.clusterLinks)
  const ipfsLinks = ipfsLinksOf(textLinks(graph.ipfsLinks), withAllIpfsPeers)
  const clusterToIpfs = new Map([...(graph.clusterToIpfs ?? [])].map(([peer, ipfs]) => [peer, ipfs.toString()]))
  const clusterNames: Names = new Map()
  const ipfsNames: Names = new Map()
  const missingNames: Names = new Map()
  const peers = [...clusterLinks.keys()].sort()

  const clusterVertices = peers.map((peer, index) => {
    const isTrusted = graph.clusterTrustLinks?.get(peer) === true
    const kind = peer === graph.clusterId.toString() ? 'self' : isTrusted ? 'trusted' : 'plain'
    clusterNames.set(peer, `${looks[kind].letter}${index.toString()}`)
    return vertex(clusterNames.get(peer) ?? '', kind, peer, graph.idToPeername?.get(peer) ?? '', shortId(peer))
  })
  const ipfsVertices = [...ipfsLinks.keys()].sort().map((peer, index) => {
    ipfsNames.set(peer, `I${index.toString()}`)
    return vertex(`I${index.toString()}`, 'ipfs', peer, 'IPFS', shortId(peer))
  })
  const missingVertices = peers
    .filter((peer) => !clusterToIpfs.has(peer))
    .map((peer, index) => {
      const name = `I${(ipfsVertices.length + index).toString()}`
      missingNames.set(peer, name)
      return vertex(name, 'missing', peer, 'IPFS', 'Errored')
    })

  const daemonEdges = peers.flatMap((peer) => {
    const from = clusterNames.get(peer) ?? ''
    const missing = missingNames.get(peer)
    if (missing !== undefined) return [`${from} -> ${missing} [ style="dotted" ]`]
    const to = ipfsNames.get(clusterToIpfs.get(peer) ?? '')
    return to === undefined ? [] : [`${from} -> ${to}`]
  })

  return [
    'digraph cluster {',
    comment('The nodes of the connectivity graph'),
    comment('The cluster-service peers'),
    ...subgraph('min', clusterVertices),
    comment('The ipfs peers'),
    ...subgraph('max', [...ipfsVertices, ...missingVertices]),
    comment('Edges representing active connections in the cluster'),
    comment('The connections among cluster-service peers'),
    ...edges(clusterLinks, clusterNames),
    '',
    comment('The connections between cluster peers and their ipfs daemons'),
    ...daemonEdges,
    '',
    comment('The swarm peer connections among ipfs daemons in the cluster'),
    ...edges(ipfsLinks, ipfsNames),
    '}'
  ].join('\n')
}

type Links = ReadonlyMap<string, readonly string[]>

function textLinks(links: ConnectGraph['clusterLinks']): Links {
  return new Map([...(links ?? [])].map(([from, targets]) => [from, targets.map(String)]))
}

/** Links among the IPFS peers of the cluster, or also those to others. */
function ipfsLinksOf(links: Links, withAll: boolean): Links {
  const kept = new Map<string, readonly string[]>()
  for (const [from, targets] of links) {
    kept.set(from, withAll ? targets : targets.filter((target) => links.has(target)))
    if (withAll) for (const target of targets) if (!kept.has(target) && !links.has(target)) kept.set(target, [])
  }
  return kept
}

function edges(links: Links, names: Names): string[] {
  return [...links.keys()].sort().flatMap((from) =>
    (links.get(from) ?? []).flatMap((target) => {
      const to = names.get(target)
      return to === undefined ? [] : [`${names.get(from) ?? ''} -> ${to}`]
    })
  )
}

function vertex(id: string, kind: keyof typeof looks, group: string, name: string, short: string): string {
  const { color, shape, more } = looks[kind]
  const label = `< <B> ${name} </B> <BR/> <B> ${short} </B> >`
  const style = `style="filled" colorscheme="x11" fontcolor="black" fontname="Arial" shape="${shape}"`
  return `${id} [label=${label} group="${group}" color="${color}" ${style}${more} ]`
}

function subgraph(rank: 'min' | 'max', vertices: readonly string[]): string[] {
  return ['subgraph  {', `rank="${rank}"`, ...vertices, '}', '']
}

const comment = (text: string): string => `/* ${text} */`

const shortId = (peer: string): string => `${peer.slice(0, 2)}*${peer.slice(-6)}`
