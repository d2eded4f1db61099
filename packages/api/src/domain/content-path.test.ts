import { describe, expect, it } from 'vitest'
import { parseContentPath } from './content-path.ts'

const cid = 'QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq'

describe('a content path', () => {
  it.each([
    [cid, `/ipfs/${cid}`, []],
    [`${cid}/a//b/`, `/ipfs/${cid}/a/b`, ['a', 'b']],
    [`/ipld/${cid}/./x`, `/ipld/${cid}/x`, ['x']]
  ])('%s', (given, text, names) => {
    const path = parseContentPath(given)
    expect(path).toMatchObject({ text, names })
    expect(path.root?.toString()).toBe(cid)
  })

  it('may start from a name', () => {
    expect(parseContentPath('/ipns/example.com/docs')).toEqual({
      text: '/ipns/example.com/docs',
      namespace: 'ipns',
      root: undefined,
      names: ['docs']
    })
  })

  it.each([
    ['', 'invalid path "/ipfs/": path does not have enough components'],
    ['nonsense', 'invalid path "/ipfs/nonsense": invalid cid: '],
    ['/ipfs/', 'invalid path "/ipfs//ipfs/": ']
  ])('is not %j', (given, message) => {
    expect(() => parseContentPath(given)).toThrow(message)
  })
})
