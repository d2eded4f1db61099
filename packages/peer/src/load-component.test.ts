import { PORT_VERSION, type ComponentDescriptor } from '@cluster/api'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadDescriptor } from './load-component.ts'

const descriptor = (kind: string, port: number): string =>
  `export default { port: ${port.toString()}, kind: '${kind}', name: 'mine',
    config: { env: 'X', load: () => 7, save: () => ({}), describe: () => [] }, create: () => ({}) }`

describe('a component named in service.json', () => {
  let folder: string
  const builtIn: ComponentDescriptor = {
    port: PORT_VERSION,
    kind: 'allocator',
    name: 'balanced',
    config: { env: 'X', load: () => ({}), save: () => ({}), describe: () => [] },
    create: () => ({ metrics: [], allocate: () => [] })
  }
  const load = (key: string) => loadDescriptor('allocator', key, [builtIn], folder)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'components-'))
    const files: Record<string, string> = {
      'package.json': '{ "type": "module" }',
      'mine.js': descriptor('allocator', PORT_VERSION),
      'typed.ts': `const port: number = ${PORT_VERSION.toString()}\n${descriptor('allocator', 1).replace('port: 1', 'port')}`,
      'informer.js': descriptor('informer', PORT_VERSION),
      'future.js': descriptor('allocator', PORT_VERSION + 1),
      'number.js': 'export default 7',
      'throws.js': 'throw new Error("no luck")',
      'node_modules/plain-name/package.json': '{ "type": "module", "exports": { ".": { "import": "./in.js" } } }',
      'node_modules/plain-name/in.js': descriptor('allocator', PORT_VERSION),
      'node_modules/@mine/scoped/package.json': '{ "type": "module", "exports": "./in.js" }',
      'node_modules/@mine/scoped/in.js': descriptor('allocator', PORT_VERSION)
    }
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is the built-in one of that name', async () => {
    expect(await load('balanced')).toBe(builtIn)
  })

  it.each(['./mine.js', './typed.ts', 'plain-name', '@mine/scoped'])('is loaded from %s', async (key) => {
    expect(await load(key)).toMatchObject({ name: 'mine', kind: 'allocator' })
  })

  it('is nobody when a plain name is not known', async () => {
    expect(await load('monbasic')).toBeUndefined()
  })

  it.each([
    ['./missing.js', /^allocator ".\/missing.js": no such module, seen from .*: install the package or correct/],
    ['@mine/missing', /no such module/],
    ['./throws.js', /^allocator ".\/throws.js": does not load: no luck$/],
    ['./number.js', /describes no component/],
    ['./informer.js', /is a component of kind informer, not allocator$/],
    ['./future.js', /was made for version 2 of the ports, this peer takes 1/]
  ])('is refused when it is %s', async (key, message) => {
    await expect(load(key)).rejects.toThrow(message)
    await expect(load(key)).rejects.toMatchObject({ code: 'COMPONENT_INVALID' })
  })
})
