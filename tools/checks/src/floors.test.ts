import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

interface Graph {
  readonly nodes: Readonly<
    Record<string, { readonly data: { readonly root: string; readonly tags?: readonly string[] } }>
  >
  readonly dependencies: Readonly<Record<string, readonly { readonly target: string }[]>>
}

/** Higher floors may know lower ones. The base is below all, what stands beside is above all. */
function height(tags: readonly string[]): number {
  const tag = tags.find((name) => /^(floor|beside):/.test(name)) ?? ''
  if (tag === 'floor:base') return -1
  return tag.startsWith('floor:') ? Number(tag.slice('floor:'.length)) : Infinity
}

describe('nx graph', () => {
  let graph: Graph

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nx-graph-'))
    const file = join(folder, 'graph.json')
    try {
      await promisify(execFile)(
        process.execPath,
        [`${root}node_modules/nx/dist/bin/nx.js`, 'graph', `--file=${file}`],
        {
          cwd: root,
          env: { ...process.env, NX_DAEMON: 'false' }
        }
      )
      graph = (JSON.parse(await readFile(file, 'utf8')) as { graph: Graph }).graph
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 120_000)

  it('shows the floor of every project', () => {
    const without = Object.entries(graph.nodes).filter(([, { data }]) => Number.isNaN(height(data.tags ?? ['floor:?'])))
    expect(without.map(([name]) => name)).toEqual([])
    expect(Object.keys(graph.nodes).length).toBeGreaterThan(25)
  })

  it('shows no production import that goes up', async () => {
    const upward: string[] = []
    for (const [name, edges] of Object.entries(graph.dependencies)) {
      const node = graph.nodes[name]
      if (node === undefined) continue
      const manifest = JSON.parse(await readFile(join(root, node.data.root, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>
      }
      for (const { target } of edges) {
        const other = graph.nodes[target]
        if (other === undefined || !(target in (manifest.dependencies ?? {}))) continue
        if (height(other.data.tags ?? []) > height(node.data.tags ?? [])) upward.push(`${name} → ${target}`)
      }
    }
    expect(upward).toEqual([])
  })
})
