import { afterAll, beforeAll, expect, it } from 'vitest'
import { InstantDaemons } from './instant-daemons.ts'

let daemons: InstantDaemons

beforeAll(async () => {
  daemons = await InstantDaemons.start(2)
})
afterAll(() => daemons[Symbol.asyncDispose]())

async function ask(index: number, call: string): Promise<{ status: number; lines: unknown[] }> {
  const [, , , , port = ''] = daemons.address(index).split('/')
  const response = await fetch(`http://127.0.0.1:${port}/api/v0/${call}`, { method: 'POST' })
  const lines = (await response.text()).trimEnd().split('\n')
  return {
    status: response.status,
    lines: lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown)
  }
}

it('pins at once, each for itself, and counts', async () => {
  expect(await ask(0, 'pin/ls?stream=true&arg=a&type=recursive')).toMatchObject({
    status: 500,
    lines: [{ Message: "path 'a' is not pinned" }]
  })
  expect((await ask(0, 'pin/add?arg=a&recursive=true&progress=true')).lines.at(-1)).toEqual({ Pins: ['a'] })
  await ask(0, 'pin/add?arg=d&recursive=false')
  expect((await ask(0, 'pin/ls?stream=true&arg=a&type=recursive')).lines).toEqual([{ Cid: 'a', Type: 'recursive' }])
  expect((await ask(0, 'pin/ls?stream=true&type=direct')).lines).toEqual([{ Cid: 'd', Type: 'direct' }])
  expect((await ask(1, 'pin/ls?stream=true&type=recursive')).lines).toEqual([])
  expect(await ask(0, 'pin/update?arg=a&arg=b&unpin=true')).toMatchObject({ status: 200 })
  expect((await ask(0, 'pin/update?arg=a&arg=c')).status).toBe(500)
  expect(await ask(0, 'pin/rm?arg=b')).toMatchObject({ status: 200 })
  expect(await ask(0, 'pin/rm?arg=b')).toMatchObject({ status: 500 })
  expect(await daemons.state(0)).toEqual({
    counts: { 'pin/add': 2, 'pin/ls': 1, 'pin/ls one': 2, 'pin/rm': 2, 'pin/update': 2 },
    pins: 1
  })
  expect(await daemons.state(1)).toEqual({ counts: { 'pin/ls': 1 }, pins: 0 })
})

it('lists many', async () => {
  const cids = Array.from({ length: 3000 }, (_, index) => `cid${index.toString()}`)
  for (let at = 0; at < cids.length; at += 100) {
    await Promise.all(cids.slice(at, at + 100).map((cid) => ask(1, `pin/add?arg=${cid}`)))
  }
  expect((await ask(1, 'pin/ls?stream=true&type=recursive')).lines).toHaveLength(cids.length)
})
