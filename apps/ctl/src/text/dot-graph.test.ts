import { readdir, readFile } from 'node:fs/promises'
import { connectGraphFromJSON, parseJson } from '@cluster/wire'
import { describe, expect, it } from 'vitest'
import { dotGraph } from './dot-graph.ts'

const folder = new URL('../../../../packages/testing/vectors/cli/graphs/', import.meta.url)
const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5))

describe('a graph, byte for byte', () => {
  it.each(names)('%s', async (name) => {
    const graph = connectGraphFromJSON(parseJson(await readFile(new URL(`${name}.json`, folder), 'utf8')))
    const dot = await readFile(new URL(`${name}.dot`, folder), 'utf8')
    expect(dotGraph(graph, name.endsWith('all-ipfs-peers'))).toBe(dot)
  })

  it('leaves out links to peers that are not listed', () => {
    const a = '12D3KooWDfx1qDtDLYfb4RFB2XAdxUp4jYBdGWHBvrSF4xyuDdU6'
    const b = '12D3KooWSPhmbN9NNEw8aw9tE4A4YpKWaNTSkoJPrrhQFerQEgMo'
    const graph = connectGraphFromJSON({
      cluster_id: a,
      cluster_links: { [a]: [b] },
      ipfs_links: { [a]: [b] },
      cluster_to_ipfs: { [a]: b }
    })
    expect(dotGraph(graph, false)).not.toContain('->')
    expect(dotGraph(graph, true)).toContain('C0 -> I1')
    expect(dotGraph(graph, true)).toContain('I0 -> I1')
  })
})
