const byExtension: Readonly<Record<string, string>> = {
  aac: 'audio/aac',
  avif: 'image/avif',
  bin: 'application/octet-stream',
  bmp: 'image/bmp',
  bz2: 'application/x-bzip2',
  car: 'application/vnd.ipld.car',
  css: 'text/css; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  epub: 'application/epub+zip',
  flac: 'audio/flac',
  gif: 'image/gif',
  gz: 'application/gzip',
  htm: 'text/html; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  ics: 'text/calendar; charset=utf-8',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  log: 'text/plain; charset=utf-8',
  m4a: 'audio/mp4',
  map: 'application/json',
  md: 'text/markdown; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  mpeg: 'video/mpeg',
  oga: 'audio/ogg',
  ogg: 'audio/ogg',
  ogv: 'video/ogg',
  otf: 'font/otf',
  pdf: 'application/pdf',
  png: 'image/png',
  rss: 'application/rss+xml',
  svg: 'image/svg+xml',
  tar: 'application/x-tar',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  toml: 'application/toml',
  ttf: 'font/ttf',
  txt: 'text/plain; charset=utf-8',
  wasm: 'application/wasm',
  wav: 'audio/wav',
  webm: 'video/webm',
  webmanifest: 'application/manifest+json',
  webp: 'image/webp',
  woff: 'font/woff',
  woff2: 'font/woff2',
  xml: 'application/xml',
  xz: 'application/x-xz',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  zip: 'application/zip',
  zst: 'application/zstd'
}

/** How many bytes `sniffContentType` looks at. */
export const sniffBytes = 512

const magics: readonly (readonly [bytes: readonly number[], at: number, type: string])[] = [
  [[0x89, 0x50, 0x4e, 0x47], 0, 'image/png'],
  [[0xff, 0xd8, 0xff], 0, 'image/jpeg'],
  [[0x47, 0x49, 0x46, 0x38], 0, 'image/gif'],
  [[0x57, 0x45, 0x42, 0x50], 8, 'image/webp'],
  [[0x25, 0x50, 0x44, 0x46], 0, 'application/pdf'],
  [[0x1f, 0x8b], 0, 'application/gzip'],
  [[0x50, 0x4b, 0x03, 0x04], 0, 'application/zip'],
  [[0x66, 0x74, 0x79, 0x70], 4, 'video/mp4'],
  [[0x1a, 0x45, 0xdf, 0xa3], 0, 'video/webm']
]

/** Media type for a file name by its extension, `undefined` when the extension is not known. */
export function contentTypeOf(name: string): string | undefined {
  const dot = name.lastIndexOf('.')
  if (dot < 0) return undefined
  const extension = name.slice(dot + 1).toLowerCase()
  return Object.hasOwn(byExtension, extension) ? byExtension[extension] : undefined
}

/** Media type of content that has no name, from its first bytes: some pictures and archives, HTML, text, else binary. */
export function sniffContentType(head: Uint8Array): string {
  for (const [bytes, at, type] of magics) {
    if (bytes.every((byte, i) => head[at + i] === byte)) return type
  }
  const text = textOf(head)
  if (text === undefined) return 'application/octet-stream'
  return /^\s*(?:<!doctype html|<html)/i.test(text) ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8'
}

function textOf(head: Uint8Array): string | undefined {
  if (head.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d))
    return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true }) // the last character may be cut
  } catch {
    return undefined
  }
}
