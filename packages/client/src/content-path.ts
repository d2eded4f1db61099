/** The type and the rest of a content path, as the routes want them; a path without a root is below `/ipfs`. */
export function partsOf(path: string): { keyType: string; path: string } {
  const match = /^\/(ipfs|ipns|ipld)\/(.*?)\/?$/s.exec(path)
  if (match === null) return { keyType: 'ipfs', path: path.replace(/^\/|\/$/g, '') }
  const [, keyType = '', rest = ''] = match
  return { keyType, path: rest }
}
