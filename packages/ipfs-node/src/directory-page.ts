import type { UnixFSDirectoryEntry } from 'ipfs-unixfs-exporter'

/** Lines put together before they are sent. */
const linesPerChunk = 128

/** A directory as a page of links, streamed: a directory of any size needs little memory. `path` is for the title. */
export async function* directoryPage(
  path: string,
  isRoot: boolean,
  entries: AsyncIterable<UnixFSDirectoryEntry>
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  const title = escapeHtml(path)
  yield encoder.encode(
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
      '<style>body{font:16px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em}' +
      'td{padding:.1em 1em .1em 0}td+td{color:#666;font-size:.85em;font-family:monospace}</style></head>' +
      `<body><h1>Index of ${title}</h1><table>` +
      (isRoot ? '' : '<tr><td><a href="../">..</a></td></tr>')
  )
  let lines: string[] = []
  for await (const { name, cid } of entries) {
    lines.push(
      `<tr><td><a href="./${encodeURIComponent(name)}">${escapeHtml(name)}</a></td><td>${cid.toString()}</td></tr>\n`
    )
    if (lines.length < linesPerChunk) continue
    yield encoder.encode(lines.join(''))
    lines = []
  }
  yield encoder.encode(`${lines.join('')}</table></body></html>\n`)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
